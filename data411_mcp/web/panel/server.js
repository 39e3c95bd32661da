// The server this page came from. The key is kept in this tab's memory of the browser and sent as a
// header, never in an address.

const KEY = 'data411-key';
const BACK_OFF_MS = [500, 1000, 2000, 5000, 10000];
const CHAT_EVENTS = [
  'icp:intake_saved', 'icp:seeds_mapped', 'icp:confirm_pending', 'icp:planning_start', 'icp:toplikes_ready',
  'icp:profile_ready', 'icp:progress_summary', 'icp:candidates_found', 'icp:reflection', 'enrich:start_top10',
  'enrich:company_tick', 'enrich:summary', 'enrich:next40_enqueued', 'email:status', 'crm:status',
];
const JOB_EVENTS = [
  'session_started', 'lead_bound', 'warm_seed', 'slot_started', 'page_read', 'slot_finished', 'identity_decided',
  'identity_needed', 'pass_started', 'synthesis_started', 'session_finished', 'session_failed', 'session_cancelled',
];
const ENRICH = '/api/v1/enrich';

class Refused extends Error {
  constructor({ detail, code, hint, status, error, request_id: requestId }) {
    super(detail || 'The server refused this.');
    Object.assign(this, { code, hint, status, error, requestId });
  }
}

const keyOf = () => sessionStorage.getItem(KEY) ?? '';
let refusedKey = () => {}; // what the page does when the key is not taken (any more)

async function send(method, path, body) {
  const headers = keyOf() ? { Authorization: `Bearer ${keyOf()}` } : {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    return await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: 'no-store', credentials: 'omit' });
  } catch {
    throw new Refused({ detail: 'The server cannot be reached.', code: 'OFFLINE' });
  }
}

// Throws Refused with the server's own words.
async function answerOf(method, path, body) {
  const answer = await send(method, path, body);
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({ detail: `The server answered ${answer.status}.` }));
  if (answer.status === 401) refusedKey(new Refused(problem));
  throw new Refused({ ...problem, status: answer.status });
}

const call = async (method, path, body) => (await answerOf(method, path, body)).json();
const get = (path) => call('GET', path);
const post = (path, body = {}) => call('POST', path, body);
const within = (id) => encodeURIComponent(id);
const jobOf = (id) => `${ENRICH}/jobs/${within(id)}`;
const locked = (error) => error.code === 'THREAD_LOCKED' || error.error === 'thread_locked';
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function download(path, name) {
  const answer = await answerOf('GET', path);
  const address = URL.createObjectURL(await answer.blob());
  el('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// Follow a stream until `stop` is called. A ticket opens it once, so after an error another one is
// fetched, and the stream goes on after the last event that was seen.
function follow(stream, names, { heard, state }) {
  let source, last = '', tries = 0, over = false;
  const stop = () => { over = true; source?.close(); };
  async function open() {
    if (over) return;
    try {
      const { href } = await post(`${stream}/ticket`);
      if (!over) listen(last ? `${href}&since=${encodeURIComponent(last)}` : href);
    } catch (error) {
      if (error.status === 401 || error.status === 404) state(error.status === 404 ? 'off' : 'stopped');
      else again();
    }
  }
  function listen(href) {
    source = new EventSource(href);
    source.onopen = () => state('live');
    source.onerror = () => { source.close(); again(); };
    for (const name of names) source.addEventListener(name, (event) => {
      last = event.lastEventId;
      tries = 0; // not at its opening: a stream that breaks at once is not asked for again at once
      heard({ ...JSON.parse(event.data), event: name });
    });
  }
  async function again() {
    if (over) return;
    state('lost');
    await pause(BACK_OFF_MS[Math.min(tries++, BACK_OFF_MS.length - 1)]);
    open();
  }
  open();
  return stop;
}

// Ask again and again until `ended`; `current` says whether anybody still wants to know. A server
// that is away for a moment is waited for.
async function waitFor(path, { ended, seen, current }) {
  let tries = 0;
  while (current()) {
    try {
      const found = await get(path);
      tries = 0;
      if (!current()) return;
      await seen(found);
      if (ended(found)) return;
    } catch (error) {
      if (error.code !== 'OFFLINE' && error.status !== 429 && !(error.status >= 500)) throw error;
      await pause(BACK_OFF_MS[Math.min(tries++, BACK_OFF_MS.length - 1)]);
    }
  }
}
