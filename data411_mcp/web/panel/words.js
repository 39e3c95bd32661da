// Plain words for what the server says in codes. Whatever is not listed is shown as it came.

const NEXT_STEPS = {
  OFFLINE: 'Look at your connection; what was begun on the server goes on. Then try again.',
  UNAUTHORIZED: 'Type the key again, or ask whoever runs this server for a new one.',
  FORBIDDEN: 'This key may only look. Ask whoever runs this server for one that may enrich.',
  THREAD_LOCKED: 'A newer session about the same company took its place. Start a new session to go on.',
  NOT_FOUND: 'It may have been deleted, or it belongs to another key. Pick another from the list.',
  VIRTUAL_BALANCE_INSUFFICIENT: 'Nothing was charged. Ask whoever runs this server to add credit, then try again.',
  BUDGET_TOO_LOW: 'Nothing was charged. Ask whoever runs this server to raise the ceiling.',
  CHAT_BUSY: 'Another run of this is still under way. Wait until it has ended, then try again.',
  CHAT_SESSION_REQUIRED: 'This lead is being enriched elsewhere right now. Wait for that run, then try again.',
  RATE_LIMITED: 'Wait a moment, then try again.',
  PLAN_MISSING: 'There is no plan yet. Answer the questions and confirm first.',
  RECIPIENT_NOT_ALLOWED: 'Lists are mailed only to addresses that this server was told to allow.',
  MULTI_LEAD_REFUSED: 'Start a new lead for another company.',
  SLOT_NOT_RERUNNABLE: 'This source cannot be asked now; the other sources can.',
  STORE_BUSY: 'The server is busy. Try again in a moment.',
  STORE_FULL: 'The server has no space left. Tell whoever runs it.',
  STALE_VERSION: 'Somebody changed this at the same time. Try again.',
  INTERNAL: 'Tell whoever runs this server; the number below helps to find the cause.',
};

// Reasons in a slot's row and in lists.
const REASONS = {
  not_configured: 'not set up on this server', bad_key: 'the server’s own key was refused',
  no_credit: 'the vendor’s credit is used up', rate_limited: 'asked too often for now',
  timeout: 'took too long', deadline: 'took too long', dns: 'the address does not exist',
  connect: 'could not be reached', tls: 'no safe connection', bot_wall: 'the site keeps machines out',
  robots: 'the site asks not to be read', empty: 'the page was empty', no_domain: 'no website is known',
  page_quota: 'enough pages were read', vendor_error: 'the vendor failed', not_found: 'not found',
};

const DEGRADED = {
  DOMAIN_SEARCH_FALLBACK: 'some websites were found by search only',
  DOMAIN_GUESS_FALLBACK: 'some websites were guessed',
  'DATA_EMPTY:no_domain_name': 'some companies have no known website',
  'DATA_EMPTY:jina_home': 'some home pages came back empty',
  JINA_TIMEOUT: 'some pages took too long',
  CRAWL_THIN: 'some sites say very little',
  CRAWL_ERROR: 'some sites could not be read',
  SEARCH_THROTTLED: 'the search was slowed down',
  TAVILY_FAIL: 'one search vendor failed',
  REGISTRY_UNAVAILABLE: 'a company register did not answer',
  LLM_TIMEOUT_FALLBACK: 'the language model took too long; rules were used instead',
  FIRMO_RETRY_LINKEDIN: 'company data came from LinkedIn at the second try',
  APIFY_CAP_EXCEEDED: 'today’s LinkedIn look-ups are used up',
  APIFY_LINKEDIN_FAIL: 'some LinkedIn pages could not be found',
  APIFY_NO_EMPLOYEES: 'some LinkedIn pages list nobody',
  VERIFIER_UNAVAILABLE: 'addresses could not be verified',
  SSIC_NOT_IMPORTED: 'industry codes are not set up',
};

const DELIVERABILITY = {
  verified: ['takes mail', 'good'], accepted: ['the domain takes mail', 'good'],
  risky: ['risky', 'warn'], undeliverable: ['takes no mail', 'bad'], unknown: ['nobody can tell', 'muted'],
};

const TONES = {
  done: 'good', proven: 'good', matched: 'good', error: 'bad', failed: 'bad', running: 'live', queued: 'live',
  contested: 'warn', stale: 'warn', unproven: 'warn', pending: 'muted', waiting: 'warn', unknown: 'muted',
};

const FIELDS = {
  email_address: 'E-mail', person: 'Person', name: 'Name', hq_city: 'Town', hq_country: 'Country',
  employees_est: 'Employees', industry_norm: 'Industry', linkedin_url: 'LinkedIn', registry_id: 'Register entry',
  mail_host: 'Mail runs at', tech_stack: 'Uses', about_text: 'About', legal_name: 'Legal name',
  sg_registered: 'Registered in Singapore', website_domain: 'Website',
};

const KINDS = {
  toll_free: 'toll-free', hq: 'head office', person: 'personal', role: 'shared', mx: 'server', linkedin: 'LinkedIn',
  linkedin_person: 'LinkedIn',
};

const plain = (text) => String(text ?? '').replaceAll('_', ' ');
const named = (field) => FIELDS[field] ?? sentence(plain(field));
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const because = (reason) => REASONS[reason] ?? plain(reason);
const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
const dollars = (cents) => `$${(cents / 100).toFixed(2)}`;
const notes = (codes) => codes.map((code) => DEGRADED[code] ?? plain(code).toLowerCase());

function when(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  return date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
