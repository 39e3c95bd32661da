// Drawing. What arrives from the server holds words of strangers' web pages: it becomes text, never
// markup, and addresses lead to http and https only.

const $ = (id) => document.getElementById(id);
const unfolded = new Map(); // key of a fold → whether the user wants it open

function el(tag, props = {}, ...kids) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === false || value == null) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key === 'class' ? 'class' : key, value === true ? '' : value);
  }
  node.append(...kids.flat(Infinity).filter((kid) => kid !== '' && kid != null && kid !== false));
  return node;
}

function webAddress(address) {
  try {
    const url = new URL(String(address));
    return ['http:', 'https:'].includes(url.protocol) ? url : null;
  } catch { return null; }
}

// Where an address is, short; ours that are no pages ("dns:…") stay as they are.
function place(address) {
  const url = webAddress(address);
  return url ? url.host + (url.pathname === '/' ? '' : url.pathname) : String(address);
}

function link(address, label = place(address)) {
  const url = webAddress(address);
  return url ? el('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer' }, label) : el('span', {}, label);
}

// `key` finds the button again after its part of the page was drawn anew.
function button(label, key, press, { kind, off = false, aria } = {}) {
  const pressed = () => { if (!off) press(); };
  return el('button', { type: 'button', class: kind, 'data-key': key, 'aria-label': aria, 'aria-disabled': off && 'true', onclick: pressed }, label);
}

function fold(summary, key, kids, open = false) {
  const node = el('details', { 'data-key': key, open: unfolded.get(key) ?? open }, el('summary', { 'data-key': `${key}-summary` }, summary), kids);
  node.addEventListener('toggle', () => unfolded.set(key, node.open));
  return node;
}

const badge = (text, tone = TONES[text] ?? 'muted') => el('span', { class: `badge ${tone}` }, plain(text));
const list = (kids, props = {}) => el('ul', { class: 'plain', ...props }, kids);
const muted = (...kids) => el('p', { class: 'small muted' }, kids);
const chips = (labels, mark, kind) => labels.map((label) => el('li', { class: `chip ${kind}` }, el('span', { 'aria-hidden': 'true' }, mark), ' ', label));

function card(title, key, ...kids) {
  return el('section', { class: 'card', 'aria-labelledby': `${key}-title`, 'data-part': key }, el('h2', { id: `${key}-title` }, title), kids);
}

// Draw a part of the page anew; the focus stays where the user has it.
function draw(node, ...kids) {
  const key = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  node.replaceChildren(...kids.flat(Infinity).filter(Boolean));
  if (key) [...node.querySelectorAll('[data-key]')].find((kid) => kid.dataset.key === key)?.focus({ preventScroll: true });
}

// A problem in plain words with the next step, and a button where one press may mend it.
function showProblem(node, error, action) {
  if (!error) return draw(node);
  const { code = '', requestId = '' } = error;
  const step = NEXT_STEPS[code] ?? error.hint;
  return draw(node, el('div', { class: 'problem', role: 'alert', 'data-code': code },
    el('strong', {}, error.message), step && el('p', {}, step),
    action && el('div', { class: 'bar' }, button(action.label, 'mend', action.press, { kind: 'main' })),
    (code || requestId) && muted('For whoever runs this server: ', [code, requestId].filter(Boolean).join(' · '))));
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
