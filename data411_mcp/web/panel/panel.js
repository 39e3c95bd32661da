// The page: the key, the account, and which place the address names.

const account = { known: null };
const charges = () => account.known?.billing_mode === 'virtual_balance';
const priceOf = (cents) => (!charges() ? 'not charged here' : cents ? dollars(cents) : 'free');
const TITLES = { icp: 'Find companies', lead: 'One lead' };

// #/icp, #/icp/<session>, #/lead, #/job/<job>, #/graph/<chat>
function routeOf(hash) {
  const [, name = 'icp', id = ''] = /^#\/(\w+)(?:\/(.+))?$/.exec(hash) ?? [];
  try {
    return { name, id: decodeURIComponent(id) };
  } catch { return { name, id: '' }; }
}

async function showPlace() {
  const { name, id } = routeOf(location.hash);
  const at = ['lead', 'job', 'graph'].includes(name) ? 'lead' : 'icp';
  $('icp-place').hidden = at !== 'icp';
  $('lead-place').hidden = at !== 'lead';
  document.body.dataset.place = at;
  document.title = `${TITLES[at]} · Data411`;
  for (const anchor of $('places').querySelectorAll('a')) {
    if (anchor.hash === `#/${at}`) anchor.setAttribute('aria-current', 'page');
    else anchor.removeAttribute('aria-current');
  }
  if (at === 'icp') await showIcp(id);
  else await { lead: leaveLead, job: () => openJob(id), graph: () => openGraph(id) }[name]();
}

async function showIcp(id) {
  if (id && id !== chat.thread) await Promise.all([openThread(id), listThreads()]);
  else if (!id && !chat.thread) welcome();
  else if (!id) history.replaceState(null, '', `#/icp/${within(chat.thread)}`);
  await listThreads();
}

// --- the key -------------------------------------------------------------------------------------------

function askForKey(error) {
  sessionStorage.removeItem(KEY);
  leaveThread();
  leaveLead();
  for (const id of ['icp-place', 'lead-place', 'places', 'forget-key']) $(id).hidden = true;
  $('key-place').hidden = false;
  say($('account'), '');
  showProblem($('key-problem'), error);
  $('key').focus();
}

async function readAccount() {
  account.known = await get('/api/v1/account');
  say($('account'), charges() ? `Balance $${account.known.balance_usd.toFixed(2)}` : 'Nothing is charged here');
  say($('lead-price'), charges() ? `From $${account.known.prices.session_usd.toFixed(2)}; only for what is proven.` : '');
}

async function enter() {
  try {
    await readAccount();
  } catch (error) {
    if (error.status === 401) return undefined; // the key was asked for
    $('key-place').hidden = false;
    return showProblem($('key-problem'), error, { label: 'Try again', press: enter });
  }
  showProblem($('key-problem'));
  $('key-place').hidden = true;
  $('places').hidden = false;
  $('forget-key').hidden = !keyOf();
  return showPlace();
}

function takeKey(event) {
  event.preventDefault();
  const key = $('key').value.trim();
  if (!/^[!-~]+$/.test(key)) return showProblem($('key-problem'), { message: 'This is no key: it has letters that keys do not have.' });
  sessionStorage.setItem(KEY, key);
  $('key').value = '';
  return enter();
}

function sendWords() {
  const words = $('words').value.trim();
  if (!words || chat.busy || $('words').disabled) return;
  $('words').value = '';
  sayWords(words);
}

function start() {
  refusedKey = (problem) => askForKey(keyOf() ? problem : undefined);
  leadForm();
  clearPlan();
  $('key-form').addEventListener('submit', takeKey);
  $('forget-key').addEventListener('click', () => askForKey());
  $('new-session').addEventListener('click', newSession);
  $('archived').addEventListener('change', listThreads);
  $('composer').addEventListener('submit', (event) => { event.preventDefault(); sendWords(); });
  $('words').addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    sendWords();
  });
  $('skip').addEventListener('click', (event) => { event.preventDefault(); $('content').focus(); });
  if (matchMedia('(max-width: 760px)').matches) $('threads-fold').open = false;
  window.addEventListener('hashchange', async () => {
    await showPlace();
    if (document.activeElement === document.body) $(document.body.dataset.place === 'icp' ? 'chat-title' : 'content').focus();
  });
  enter();
}

start();
