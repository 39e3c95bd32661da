// One lead: the form, the job, its slots while they hunt, and the graph that came of it.

const LEAD_FIELDS = [
  ['company', 'Company'], ['domain', 'Website'], ['dm_name', 'Person to reach'], ['number1', 'Phone'],
  ['number2', 'Second phone'], ['street', 'Street'], ['city', 'Town'], ['state', 'State'], ['zip', 'Postcode'],
  ['contact_id', 'Id in the CRM'],
];
const LEAD_WAIT_S = 20;
const MISSING = 'Fill in the company, its website or a phone number.';
const asked = new Map(); // job → the company that was typed in, for as long as the graph is to come
const lead = { chat: '', job: null, graph: null, lines: [], stop: () => {}, visit: 0 };
const isRunning = (job) => ['queued', 'running'].includes(job?.status);

function leadForm() {
  const field = ([id, label]) => el('label', {}, label, el('input', { 'data-field': id, spellcheck: 'false' }));
  draw($('lead-form'), el('div', { class: 'fields' }, LEAD_FIELDS.map(field)),
    el('div', { class: 'bar' }, el('button', { class: 'main', type: 'submit' }, 'Enrich this lead'), el('span', { class: 'small muted', id: 'lead-price' })));
  $('lead-form').addEventListener('submit', (event) => { event.preventDefault(); handIn(); });
}

function filledIn() {
  const inputs = [...$('lead-form').querySelectorAll('[data-field]')];
  return Object.fromEntries(inputs.map((input) => [input.dataset.field, input.value.trim()]).filter(([, value]) => value));
}

async function handIn() {
  const given = filledIn();
  if (!given.company && !given.domain && !given.number1) return showProblem($('lead-problem'), { message: MISSING });
  return begin('enrich/lead-session', { lead: given });
}

// Hand a job in and follow it. What is refused was not charged.
async function begin(route, payload) {
  showProblem($('lead-problem'));
  try {
    const { job_id: id } = await post(`${ENRICH}/jobs`, { route, payload });
    asked.set(id, payload.lead?.company || payload.lead?.domain || $('lead-name')?.textContent);
    if (location.hash === `#/job/${within(id)}`) await openJob(id);
    else location.hash = `#/job/${within(id)}`;
  } catch (error) {
    showProblem($('lead-problem'), error);
  }
}

function leaveLead() {
  lead.stop();
  Object.assign(lead, { chat: '', job: null, graph: null, lines: [], stop: () => {}, visit: lead.visit + 1 });
  showProblem($('lead-problem'));
  draw($('lead-board'));
  $('lead-ask').hidden = false;
}

async function openJob(id) {
  leaveLead();
  $('lead-ask').hidden = true;
  const { visit } = lead;
  const current = () => visit === lead.visit;
  const seen = (job) => { if (current()) takeJob(job); };
  try {
    seen(await get(jobOf(id)));
    if (!isRunning(lead.job)) return;
    lead.stop = follow(jobOf(id), JOB_EVENTS, { heard: (event) => { if (current()) leadLine(event); }, state: () => {} });
    await waitFor(`${jobOf(id)}?wait_s=${LEAD_WAIT_S}`, { ended: (job) => !isRunning(job), seen, current });
    if (current()) lead.stop();
  } catch (error) {
    if (current()) showProblem($('lead-problem'), error);
  }
}

async function openGraph(chat) {
  leaveLead();
  $('lead-ask').hidden = true;
  const { visit } = lead;
  try {
    const graph = await get(`/api/v1/leads/${within(chat)}`);
    if (visit !== lead.visit) return;
    Object.assign(lead, { chat, graph });
    drawLead();
  } catch (error) {
    if (visit === lead.visit) showProblem($('lead-problem'), error);
  }
}

function takeJob(job) {
  Object.assign(lead, { job, chat: job.chat_session_id, graph: job.backfill ?? lead.graph });
  drawLead();
  if (!isRunning(job)) readAccount().catch(() => {}); // the balance it was before stays
}

// A line of the run; when a slot has moved, the board is read again.
async function leadLine({ message, event }) {
  lead.lines.push(message);
  drawLead();
  if (!event.startsWith('slot_')) return;
  const { visit, job } = lead;
  const found = await get(jobOf(job.job_id)).catch(() => null);
  if (found && visit === lead.visit && isRunning(lead.job)) takeJob(found);
}

// --- drawing -------------------------------------------------------------------------------------

function drawLead() {
  const { job, graph } = lead;
  const side = [slotBoard(), graph && gapPart(graph)];
  const main = [choicePart(), graph && provenPart(graph), graph && doubtfulPart(graph)];
  draw($('lead-board'), leadHead(), el('div', { class: 'pair' },
    el('div', { class: 'stack' }, side), el('div', { class: 'stack' }, main.some(Boolean) ? main : job && muted('The facts stand here once the run has ended.'))));
}

function leadHead() {
  const { graph, job } = lead;
  const { company, domain } = graph?.lead ?? {};
  const identity = graph?.identity;
  const sure = { clear: ['Identified', 'good'], ambiguous: ['Several companies fit', 'warn'], unknown: ['Not sure which company', 'warn'] }[identity?.decision];
  const why = identity?.decision === 'clear' && identity.difference ? `because ${identity.difference}` : identity?.difference;
  return el('header', { class: 'lead-head' },
    el('h1', { id: 'lead-name', tabindex: '-1' }, company || identity?.name || domain || asked.get(job?.job_id) || 'The lead'),
    el('p', {}, sure && !isRunning(job) && [badge(...sure), ' ', why]),
    el('p', { role: 'status', class: 'muted', id: 'lead-status' }, leadStatus()),
    job?.error && problemOf(job.error),
    el('div', { class: 'bar' }, el('a', { href: '#/lead', class: 'button' }, 'Another lead'),
      isRunning(job) && button('Stop', 'stop', stopLead)));
}

const problemOf = (fault) => {
  const node = el('div');
  showProblem(node, new Refused({ ...fault, detail: fault.message }));
  return node;
};

function leadStatus() {
  const { job, lines } = lead;
  if (!job) return '';
  if (isRunning(job)) return lines.at(-1) ?? 'The run begins.';
  const cost = !charges() ? '' : job.cost.charged_usd ? ` It cost $${job.cost.charged_usd.toFixed(2)}.` : ' It cost nothing.';
  const ends = { waiting: 'Nothing was bought yet: say which company is meant.', error: 'The run failed.', cancelled: 'Stopped. What was found stays.', done: 'The run has ended.' };
  return `${ends[job.status] ?? plain(job.status)}${cost}`;
}

async function stopLead() {
  await call('DELETE', jobOf(lead.job.job_id)).catch((error) => showProblem($('lead-problem'), error));
}

function slotBoard() {
  const rows = lead.job?.board.slots.length ? lead.job.board.slots : lead.graph?.tool_trace.parallel_results ?? [];
  if (!rows.length) return null;
  return card('Where it was looked', 'slots', list(rows.map((row) => el('li', { class: 'slot', 'data-slot': row.model_id, 'data-state': row.state },
    el('span', {}, row.label || plain(row.model_id)), badge(row.state === 'repetition' ? 'nothing new' : row.state, TONES[row.state]),
    el('span', { class: 'small muted' }, slotWords(row))))));
}

function slotWords({ state, reason, findings, proven, held }) {
  if (reason) return because(reason);
  if (state === 'pending' || state === 'running') return '';
  return [plural(findings, 'finding'), `${proven} newly proven`, held && `${held} held back`].filter(Boolean).join(', ');
}

function choicePart() {
  const found = lead.job?.status === 'waiting' ? lead.job.choices : [];
  if (!found.length) return null;
  const choose = (id) => begin('enrich/lead-session', { chat_session_id: lead.chat, identity_choice: id });
  return card('Which company is meant?', 'choices',
    list(found.map(({ id, name, why }) => el('li', { class: 'choice' }, el('div', {}, el('strong', {}, name), muted(why)),
      button('This one', `choice-${id}`, () => choose(id), { kind: 'main', aria: `This one: ${name}` })))),
    button('None of these', 'choice-none', () => choose('none')));
}

// What one further call may close, and what that call costs.
function gapPart(graph) {
  if (!graph.gaps.length) return null;
  const off = isRunning(lead.job) || lead.job?.status === 'waiting';
  return card('What is missing', 'gaps', list(graph.gaps.map((gap) => el('li', { class: 'gap' }, el('span', {}, gap.text), gapCall(gap, off)))));
}

function gapCall(gap, off) {
  if (gap.call?.tool !== 'rerun_hunt_slot') return el('span', { class: 'small muted' }, 'no call helps now');
  const price = priceOf(gap.price_cents);
  return button(`Look for it · ${price}`, `gap-${gap.id}`, () => begin('enrich/lead-session/slot-rerun', gap.call.arguments),
    { off, aria: `${gap.text} Look for it, ${price}` });
}
