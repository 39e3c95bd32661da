// The conversation of one session: what was said, live lines of its run, and what is asked next.

const LABEL_NEW = 'ICP session'; // what a session is called before its company is known
const TURN_WAIT_S = 45;
const RELOADS = new Set(['icp:toplikes_ready', 'icp:profile_ready', 'icp:candidates_found', 'enrich:start_top10', 'enrich:summary', 'enrich:next40_enqueued']);
const QUESTIONS = new Set(['icp:confirm_pending', 'icp:candidates_found']); // said to the user, not of the run
const HINTS = {
  website: 'https://www.your-company.com',
  customers: 'Company — website, one per line. Lost: Company — website (why)',
};
const chat = {
  thread: '', turn: null, busy: false, visit: 0, watching: false, stop: () => {},
  unmatched: new Map(), // words → nodes of messages (or a count of events) not heard the other way
  loose: [], // lines that may belong before a message that was heard first
  readOnly: () => ['locked', 'archived'].includes(chat.turn?.thread_status),
};
const threadOf = (id) => `/threads/${within(id)}`;
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

// --- the log -----------------------------------------------------------------------------------------
// The same words come as a message of a turn and as an event of its run; each is shown once,
// whichever comes first.

function heardTwice(words, lane) {
  const waiting = chat.unmatched.get(words) ?? { lane, nodes: [] };
  if (waiting.lane === lane || !waiting.nodes.length) return null;
  return waiting.nodes.shift();
}

function awaitTwin(words, lane, node) {
  const waiting = chat.unmatched.get(words);
  if (waiting?.lane === lane) waiting.nodes.push(node);
  else chat.unmatched.set(words, { lane, nodes: [node] });
}

function intoLog(node, own = false) {
  const log = $('log');
  const low = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  log.append(node);
  if (low || own) log.scrollTop = log.scrollHeight;
}

function bubble(who, words) {
  const from = { human: 'You', ai: 'Assistant' }[who];
  return el('div', { class: `bubble ${who}` }, el('span', { class: 'hidden' }, `${from}: `), words);
}

function showMessage(who, words) {
  const node = bubble(who, words);
  intoLog(node, who === 'human');
  chat.loose = [];
  if (who === 'ai') awaitTwin(words, 'message', node);
  return node;
}

function showSaid(messages) {
  let fresh = [];
  for (const words of messages) {
    const twin = heardTwice(words, 'message');
    twin?.before(...fresh); // an event may overtake the answer that it belongs to
    fresh = twin ? [] : [...fresh, showMessage('ai', words)];
  }
}

// What a turn said besides what is kept of it, a welcome, stands before the first that is kept.
function withWelcome(kept, said) {
  const contents = kept.map(({ content }) => content);
  const first = said.findIndex((words) => contents.includes(words));
  const at = first < 0 ? kept.length : contents.lastIndexOf(said[first]);
  const welcome = (first < 0 ? said : said.slice(0, first)).map((content) => ({ type: 'ai', content }));
  return [...kept.slice(0, at), ...welcome, ...kept.slice(at)];
}

function showEvent({ event, message }) {
  const twin = heardTwice(message, 'event');
  const node = QUESTIONS.has(event) ? twin ?? bubble('ai', message) : el('p', { class: 'event', 'data-event': event }, message);
  if (twin) {
    twin.before(...chat.loose); // they were told before it
    twin.replaceWith(node);
    chat.loose = [];
    return;
  }
  intoLog(node);
  chat.loose.push(node);
  awaitTwin(message, 'event', node);
}

// --- opening and leaving -------------------------------------------------------------------------

function leaveThread() {
  chat.stop();
  Object.assign(chat, { thread: '', turn: null, busy: false, visit: chat.visit + 1, watching: false, stop: () => {}, unmatched: new Map(), loose: [] });
  showProblem($('chat-problem'));
  draw($('log'));
  clearPlan();
  drawChat();
}

function welcome() {
  leaveThread();
  draw($('log'), el('div', { class: 'welcome' }, el('p', {}, 'Companies like your best customers, each with the reason why, and whom to call there.'),
    muted('Say hello or send your website. A session that you left open goes on where it stood.')));
}

// Open a session as it stands. `turn`: what the server has just said of it.
async function openThread(id, turn) {
  leaveThread();
  chat.thread = id;
  const { visit } = chat;
  $('log').ariaLive = 'off'; // what was said long ago is not read out
  try {
    const standing = await get(`/api/orchestrations/${within(id)}`); // takes up what its run has told
    const found = await get(threadOf(id)).catch((error) => { if (error.status !== 404) throw error; });
    if (visit !== chat.visit) return;
    for (const { type, content } of withWelcome(found?.values.messages ?? [], turn?.messages ?? [])) showMessage(type, content);
    chat.turn = standing;
    say($('standing'), standing.messages.join(' '));
    drawChat();
    listen();
    await loadPlan(id);
    $('log').ariaLive = 'polite';
    watch();
  } catch (error) {
    if (visit === chat.visit) trouble(error);
  }
}

function listen() {
  const { visit, thread } = chat;
  chat.stop = follow(`/chat/stream/${within(thread)}`, CHAT_EVENTS, {
    heard: (event) => { if (visit === chat.visit) take(event); },
    state: (state) => { if (visit === chat.visit) drawLine(state); },
  });
}

function take(event) {
  showEvent(event);
  if (event.event === 'enrich:company_tick') tick(event.context);
  if (RELOADS.has(event.event)) reload();
}

// Read the plan again; several reasons at once are one.
let reloading;
function reload() {
  const { visit, thread } = chat;
  reloading ??= pause(150).then(() => {
    reloading = undefined;
    if (visit === chat.visit) return loadPlan(thread).catch(trouble);
    return undefined;
  });
}

// While its run is under way, the server says when it is over or asks for something.
async function watch() {
  if (chat.watching || !isRunning(chat.turn?.job)) return;
  const { visit, thread } = chat;
  const current = () => visit === chat.visit;
  chat.watching = true;
  try {
    await waitFor(`/api/orchestrations/${within(thread)}?wait_s=${TURN_WAIT_S}`, { ended: (turn) => !isRunning(turn.job), seen: takeNews, current });
    if (current()) {
      reload();
      listThreads();
      await readAccount();
    }
  } catch (error) {
    if (current()) trouble(error);
  } finally {
    if (current()) chat.watching = false;
  }
}

// Where the session stands. Without news the words are the server's line about that.
function takeNews(turn) {
  if (turn.events.length) showSaid(turn.messages);
  else say($('standing'), turn.messages.join(' '));
  chat.turn = turn;
  drawChat();
  drawPlan();
}

// --- saying something --------------------------------------------------------------------------------

// One thing at a time. Answers the turn, or undefined when it was refused, which is shown.
async function ask(path, body) {
  if (chat.busy) return undefined;
  const { visit } = chat;
  chat.busy = true;
  showProblem($('chat-problem'));
  drawChat();
  try {
    const turn = await post(path, body);
    if (visit === chat.visit) await takeTurn(turn);
    return turn;
  } catch (error) {
    if (visit === chat.visit) await refusedTurn(error);
    return undefined;
  } finally {
    if (visit === chat.visit) {
      chat.busy = false;
      drawChat();
      drawPlan();
    }
  }
}

async function takeTurn(turn) {
  if (turn.thread_id && turn.thread_id !== chat.thread) {
    history.replaceState(null, '', `#/icp/${within(turn.thread_id)}`);
    await openThread(turn.thread_id, turn);
    await listThreads();
    return;
  }
  showSaid(turn.messages);
  chat.turn = turn;
  say($('standing'), '');
  if (!turn.thread_id) return; // the user has to pick one first
  listThreads();
  reload();
  watch();
}

async function refusedTurn(error) {
  if (locked(error)) await lockedNow();
  trouble(error);
}

// Somebody has opened a newer session of the same company: this one can be read only.
async function lockedNow() {
  listThreads();
  const turn = await get(`/api/orchestrations/${within(chat.thread)}`).catch(() => null);
  chat.turn = { ...(turn ?? chat.turn), thread_status: turn?.thread_status === 'archived' ? 'archived' : 'locked' };
}

function trouble(error) {
  showProblem($('chat-problem'), error, locked(error) && { label: 'Start a new session', press: startFresh });
}

async function sayWords(words, id = newId(), sent) {
  const node = sent ?? showMessage('human', words);
  node.classList.remove('unsent');
  node.querySelector('button')?.remove();
  const body = { message: words, message_id: id, ...(chat.thread && { thread_id: chat.thread }) };
  if (await ask('/icp/intake', body) || !node.isConnected) return;
  node.classList.add('unsent');
  if (!chat.readOnly()) node.append(button('Not sent. Send again', `again-${id}`, () => sayWords(words, id, node)));
}

const confirmPlan = () => ask('/icp/chat/confirm', { thread_id: chat.thread });
const runEnrichment = () => ask('/icp/enrich/top10', { thread_id: chat.thread });
const acceptMicro = (id) => ask('/icp/accept', { thread_id: chat.thread, micro_icp: id });
const resumeThread = () => ask(`${threadOf(chat.thread)}/resume`);
// Of a session: a new one about the same company, which makes the older ones read-only.
const startFresh = () => ask('/icp/intake', { message: '', start_fresh: true, ...(chat.thread && { thread_id: chat.thread }) });

async function newSession() {
  history.replaceState(null, '', '#/icp');
  welcome();
  await startFresh();
}

// --- drawing -----------------------------------------------------------------------------------------

function drawLine(state) {
  const [words, tone] = { live: ['Live', 'good'], lost: ['Reconnecting…', 'warn'], off: ['Live lines are off', 'muted'], stopped: ['Not connected', 'bad'] }[state];
  $('chat-badges').dataset.line = state;
  chat.line = badge(words, tone);
  drawBadges();
}

function drawBadges() {
  const { turn } = chat;
  const status = chat.readOnly() && badge(turn.thread_status === 'archived' ? 'Archived' : 'Read-only', 'warn');
  draw($('chat-badges'), status, chat.thread && chat.line,
    chat.thread && !chat.readOnly() && button('Where were we?', 'resume', resumeThread, { off: chat.busy }),
    chat.thread && !chat.readOnly() && button('Start fresh', 'fresh', startFresh, { off: chat.busy }));
}

function drawChat() {
  const { turn, busy } = chat;
  const shut = chat.readOnly();
  const name = turn?.label && turn.label !== LABEL_NEW ? turn.label : 'Find companies';
  say($('chat-title'), name);
  drawBadges();
  draw($('replies'), quickReplies());
  $('words').disabled = shut;
  $('words').placeholder = shut ? 'This session can be read only.' : HINTS[turn?.state.asked] ?? 'Your message';
  $('send').disabled = shut || busy;
  $('chat').setAttribute('aria-busy', String(busy));
}

// What is asked, as buttons: nothing else can be confirmed or run with one.
function quickReplies() {
  const { turn, busy } = chat;
  if (!turn) return [];
  if (chat.readOnly()) return [button('Start a new session', 'fresh-locked', startFresh, { kind: 'main', off: busy })];
  const { asked, phase } = turn.state;
  const reply = (label, words = label.toLowerCase(), kind = undefined) => button(label, `reply-${words}`, () => sayWords(words), { kind, off: busy });
  if (turn.choices.length) return turn.choices.map(({ thread_id: id, label, updated_at: at }) => el('a', { class: 'button', href: `#/icp/${within(id)}` }, `${label} · ${when(at)}`));
  if (asked === 'rerun' || asked === 'cancel') return [reply('Yes', 'yes', 'main'), reply('No')];
  if (asked === 'drift') return [reply('Continue here', 'continue here', 'main'), reply('Start a new session', 'start fresh')];
  if (asked === 'confirm') return [button('Confirm', 'confirm', confirmPlan, { kind: 'main', off: busy })];
  if (phase === 'planned') return [button('Run enrichment', 'run', runEnrichment, { kind: 'main', off: busy })];
  if (isRunning(turn.job)) return [reply('Stop the run', 'cancel')];
  return [];
}

// --- the list of sessions ----------------------------------------------------------------------------

async function listThreads() {
  try {
    const known = await post('/threads/search', { limit: PAGE });
    const archived = $('archived').checked ? await post('/threads/search', { limit: PAGE, metadata: { status: 'archived' } }) : [];
    showProblem($('threads-problem'));
    draw($('thread-list'), [...known, ...archived].map(threadRow), !known.length && !archived.length && muted('None yet.'));
  } catch (error) {
    showProblem($('threads-problem'), error.status === 404 ? { message: 'Sessions are not listed on this server.' } : error);
  }
}

function threadRow({ thread_id: id, metadata, status, updated_at: at }) {
  const words = { open: { busy: ['working', 'live'], interrupted: ['plan ready', 'warn'], error: ['failed', 'bad'] }[status], locked: ['Read-only', 'warn'], archived: ['Archived', 'muted'] }[metadata.status];
  return el('li', {}, el('a', { class: 'thread', href: `#/icp/${within(id)}`, 'data-key': `thread-${id}`, 'data-status': metadata.status, 'aria-current': id === chat.thread && 'true' },
    el('span', { class: 'name' }, metadata.label || LABEL_NEW), el('span', { class: 'small muted' }, words && [badge(...words), ' '], when(at)),
    metadata.preview && el('span', { class: 'small muted preview' }, metadata.preview)));
}
