// What a session has come to: the profile, narrower profiles to accept, the ranked list with what
// speaks for and against each company, and whom to reach where a company was enriched.

const PAGE = 50;
const plan = { results: null, cards: [], ticks: new Map(), graphs: new Map(), visit: 0 };

function clearPlan() {
  Object.assign(plan, { results: null, cards: [], ticks: new Map(), graphs: new Map(), visit: plan.visit + 1 });
  draw($('plan'), planHint());
}

const planHint = () => el('div', { class: 'card hint' }, el('h2', {}, 'The plan'),
  muted('Your website, five to fifteen best customers, and a “confirm”: then the profile and the ranked companies stand here, with what speaks for and against each.'));

async function loadPlan(thread) {
  const { visit } = plan;
  const [results, cards] = await Promise.all([
    get(`/icp/top10?thread_id=${within(thread)}&limit=${PAGE}`),
    get(`/icp/suggestions?thread_id=${within(thread)}`),
  ]);
  if (visit !== plan.visit) return;
  Object.assign(plan, { results, cards: cards.items });
  drawPlan();
  await loadGraphs();
}

// The graphs of enriched companies, each once.
async function loadGraphs() {
  const { visit, graphs } = plan;
  const chats = plan.results.items.map(({ chat_session_id: chat }) => chat).filter((chat) => chat && !graphs.has(chat));
  await Promise.all(chats.map(async (chat) => {
    graphs.set(chat, null);
    const graph = await get(`/api/v1/leads/${within(chat)}`).catch(() => { graphs.delete(chat); });
    if (graph) graphs.set(chat, graph);
  }));
  if (visit === plan.visit && chats.length) drawPlan();
}

// A company of the list is done: its row says so before the list is read again.
function tick({ domain, ...found }) {
  plan.ticks.set(domain, found);
  const row = plan.results?.items.find((item) => item.domain === domain);
  if (!row) return;
  row.state = found.state;
  row.chat_session_id ||= found.chat_session_id;
  drawPlan();
  loadGraphs();
}

// --- drawing ---------------------------------------------------------------------------------------

function drawPlan() {
  const { results } = plan;
  if (!results?.profile && !results?.total) return draw($('plan'), planHint());
  return draw($('plan'), progressPart(results), profilePart(results), microPart(), listPart(results));
}

function progressPart({ items, job }) {
  if (chat.turn?.state.phase !== 'enriching' && job?.status !== 'done') return null;
  const top = job?.result?.top ?? Math.min(10, items.length);
  const done = job?.status === 'done' ? job.result?.completed ?? 0 : items.filter(({ state }) => state === 'done').length;
  return el('div', { class: 'card progress' },
    el('label', { for: 'enriched' }, `${done} of ${top} enriched`), el('progress', { id: 'enriched', max: top, value: done }),
    job?.status === 'done' && deliveryWords(job.result ?? {}));
}

function deliveryWords({ email, crm }) {
  const mail = { sent: 'The list was e-mailed.', unknown: 'It is not known whether the mail went out; it is not sent again.' }[email];
  const counts = Object.entries(crm ?? {}).filter(([, count]) => Number.isInteger(count) && count > 0);
  const odoo = counts.length > 0 && `CRM: ${counts.map(([what, count]) => `${count} ${plain(what)}`).join(', ')}.`;
  return (mail || odoo) && muted([mail, odoo].filter(Boolean).join(' '));
}

function profilePart({ profile, degraded, notes: said, enriched }) {
  if (!profile) return null;
  // A note in words is better than the code that names the same thing.
  const left = [...said, ...notes(degraded.filter((code) => !said.some((words) => words.includes(code.split('_')[0]))))];
  return card('What your best customers share', 'profile', fold(`Read from ${profile.seeds_read} of ${plural(profile.seeds_total, 'site')}`, 'profile-fold', [
    el('ul', { class: 'plain chips', 'aria-label': 'Shared' }, chips(profile.conditions, '✓', 'good')),
    profile.negatives.length > 0 && [el('h3', {}, 'Counts against a company'), el('ul', { class: 'plain chips' }, chips(profile.negatives, '✗', 'bad'))],
  ], !enriched), list(left.map((words) => el('li', { class: 'small muted' }, sentence(words)))));
}

function microPart() {
  const accepted = chat.turn?.state.micro_icp;
  const off = chat.readOnly() || !['planned', 'planning'].includes(chat.turn?.state.phase);
  if (off || !plan.cards.length) return accepted && el('div', { class: 'card' }, `Narrowed down to: ${accepted.title || accepted.id}`);
  return card('Narrow it down', 'micro', muted('Optional: accept one, and the list is ranked anew by it.'),
    list(plan.cards.map((found) => microCard(found, found.id === accepted?.id))));
}

function microCard({ id, title, evidence_count: count, rationale, targeting_pack: pack }, mine) {
  return el('li', { class: 'choice', 'data-micro': id },
    el('div', {}, el('strong', {}, title), ' ', mine && badge('accepted', 'good'), muted(rationale || `${plural(count, 'customer')} show it.`),
      pack.pitch && fold('How to pitch it', `pitch-${id}`, muted(pack.pitch))),
    !mine && button('Accept', `micro-${id}`, () => acceptMicro(id), { aria: `Accept: ${title}`, off: chat.busy }));
}

function listPart({ total, items, next_offset: next }) {
  if (!total) return null;
  const enriched = items.filter(({ state }) => state === 'done').length;
  const title = enriched ? `${plural(total, 'company', 'companies')}, ${enriched} enriched` : plural(total, 'company', 'companies');
  return card(title, 'list',
    enriched > 0 && el('div', { class: 'bar' }, button('Download as CSV', 'csv', saveCsv)),
    el('ol', { class: 'plain companies' }, items.map(companyRow)), next != null && muted(`The first ${items.length} are shown.`));
}

async function saveCsv() {
  await download(`/export/latest_scores.csv?thread_id=${within(chat.thread)}`, 'latest_scores.csv')
    .catch((error) => showProblem($('chat-problem'), error));
}

function companyRow(row) {
  const { rank, domain, name, score, bucket, why, state, chat_session_id: id } = row;
  const graph = plan.graphs.get(id);
  return el('li', { class: 'company', 'data-domain': domain, 'data-state': state },
    el('div', { class: 'company-head' }, el('h3', {}, `${rank}. ${name || domain}`), el('span', { class: 'small' }, link(`https://${domain}`, domain)),
      el('span', { class: 'score' }, el('meter', { min: 0, max: 100, value: score, 'aria-hidden': 'true' }), el('strong', {}, score), el('span', { class: 'muted small' }, ` of 100 · ${bucket}`))),
    tickLine(row), el('p', { class: 'why' }, why), verdicts(row),
    graph && el('div', { class: 'reached' }, contactsOf(graph, `row-${domain}`)),
    id && el('p', { class: 'small' }, el('a', { href: `#/graph/${within(id)}`, 'data-key': `graph-${domain}` }, 'All facts with their proof')));
}

function tickLine({ domain, state, reason, rank }) {
  const found = plan.ticks.get(domain);
  const enriching = chat.turn?.state.phase === 'enriching';
  const words = {
    done: ['✓ Enriched', 'good'], failed: [`✗ Not enriched: ${because(reason || found?.reason || 'it failed')}`, 'bad'],
    queued: [enriching ? 'Being enriched…' : `Top ${Math.max(rank, 10)}: next to be enriched`, enriching ? 'live' : 'muted'],
  }[state];
  const counted = found && state === 'done' && ` · ${plural(found.pages, 'page')}, ${found.linkedin ? 'LinkedIn found' : 'no LinkedIn page'}, ${plural(found.contacts, 'contact')}`;
  return words && el('p', { class: `tick small ${words[1]}` }, words[0], counted && el('span', { class: 'muted' }, counted));
}

function verdicts({ domain, matched, failed, unknown, evidence, snippet, similar_to: similar }) {
  const sums = [`${matched.length} met`, `${failed.length} against`, `${unknown.length} unknown`].join(' · ');
  const group = (labels, title, mark, kind) => labels.length > 0 && [el('h4', {}, title), el('ul', { class: 'plain chips' }, chips(labels, mark, kind))];
  return fold(sums, `verdicts-${domain}`, [
    group(matched, 'Met', '✓', 'good'), group(failed, 'Against it', '✗', 'bad'), group(unknown, 'Nobody could check', '?', 'muted'),
    evidence.map(({ label, url, quote: words }) => [el('h4', {}, label), el('blockquote', {}, words), el('p', { class: 'small' }, link(url))]),
    !evidence.length && snippet && [el('blockquote', {}, snippet), el('p', { class: 'small' }, link(`https://${domain}`))],
    similar && muted(`Most like ${similar}.`),
  ]);
}
