// A lead graph as a salesperson reads it: what is proven with its citations, and, clearly apart,
// what is not.

const MAIL_CHECK = 'mail_check'; // evidence that says what an address is worth, and proves nothing
const COMPANY = 'company'; // owner of what is said of the company itself
const LINKS = new Set(['link', 'linkedin_url']);
const isProven = ({ status }) => status === 'proven';

// What the parts of a graph share, by owner.
function reachOf(graph, owner) {
  const own = (statements) => statements.filter((statement) => statement.owner === owner);
  return { phones: own(graph.phones), emails: own(graph.emails), links: own(graph.links) };
}

function companyFacts(graph) {
  const { phones, emails, links } = reachOf(graph, COMPANY);
  const known = Object.values(graph.firmographics).flat().filter(Boolean);
  const related = graph.relations.map(({ statement }) => statement);
  const all = [...phones, ...emails, ...graph.addresses, ...related, ...known, ...links];
  const once = new Map(all.map((statement) => [LINKS.has(statement.field) ? statement.value : statement.id, statement]));
  return [...once.values()].filter(({ owner }) => owner === COMPANY);
}

// --- one fact ------------------------------------------------------------------------------------

function quote({ url, quote: words, fetched_at: at, reader, verdict }) {
  return el('li', { class: 'quote' }, words && el('blockquote', {}, words),
    el('p', { class: 'small' }, link(url), el('span', { class: 'muted' }, ` · read ${when(at)}${reader === 'direct' ? '' : ` by ${plain(reader)}`}`),
      verdict === 'stale' && [' ', badge('stale')]));
}

function proof(statements, key, word = 'citation') {
  const quotes = statements.flatMap(({ evidence }) => evidence).filter(({ source }) => source !== MAIL_CHECK);
  const once = [...new Map(quotes.map((found) => [`${found.url} ${found.quote}`, found])).values()];
  return once.length > 0 && fold(plural(once.length, word), `proof-${key}`, list(once.map(quote)));
}

// What is known of whether an address takes mail: the newest word of a verifier or the DNS, where
// one was asked, and whether the company itself names it.
function worth({ field, evidence }) {
  if (field !== 'email_address') return null;
  const checks = evidence.filter(({ source, verdict }) => source === MAIL_CHECK && verdict.startsWith('mail:'));
  const last = checks.sort((a, b) => a.fetched_at.localeCompare(b.fetched_at)).at(-1);
  const [words, tone] = DELIVERABILITY[last?.verdict.slice('mail:'.length)] ?? [];
  const own = evidence.some(({ source, verdict }) => source === 'own_site' && verdict === 'proven');
  return [words && [badge(`${words} (${plain(last.reader)})`, tone), ' '], own && badge('on its own site', 'good')];
}

function valueOf({ field, value }) {
  if (LINKS.has(field)) return link(value);
  return field === 'mail_host' ? value.replaceAll(':', ' ') : value;
}

function labelOf({ field, kind }) {
  if (field === 'linkedin_url') return 'LinkedIn';
  const more = KINDS[kind] ?? plain(kind);
  if (field === 'link') return sentence(more);
  return more && field !== 'registry_id' ? `${named(field)}, ${more}` : named(field);
}

function fact(statement, key) {
  return el('li', { class: 'fact', 'data-status': statement.status },
    el('span', { class: 'label muted small' }, labelOf(statement)),
    el('div', {}, el('span', { class: 'value' }, valueOf(statement)), ' ', !isProven(statement) && badge(statement.status), ' ',
      worth(statement),
      statement.reason && muted(statement.reason), proof([statement], `${key}-${statement.id}`)));
}

// --- people ----------------------------------------------------------------------------------------

function reached(statement) {
  return el('li', {}, valueOf(statement), ' ', worth(statement), ' ',
    !isProven(statement) && badge(statement.status));
}

function person(contact, graph, key) {
  const { phones, emails, links } = reachOf(graph, contact.id);
  const { name, title } = contact;
  const said = [name, title, ...emails, ...phones].filter(Boolean);
  return el('li', { class: 'person', 'data-status': name.status },
    el('div', {}, el('strong', {}, name.value), title && `, ${title.value}`, ' ', !isProven(name) && badge(name.status)),
    name.reason && muted(name.reason),
    list([...emails, ...phones, ...links].map(reached), { class: 'plain reach' }),
    proof(said, `${key}-${contact.id}`));
}

// Who and what reaches a company, short: for a row of the ranked list.
function contactsOf(graph, key) {
  const { phones, emails } = reachOf(graph, COMPANY);
  const people = graph.contacts.filter(({ name }) => name.status !== 'superseded');
  if (!people.length && !phones.length && !emails.length) return muted('Nobody and no address was found.');
  return [
    people.length > 0 && list(people.map((contact) => person(contact, graph, key)), { class: 'plain people' }),
    !people.length && muted('No person was found.'),
    phones.length + emails.length > 0 && list([...emails, ...phones].map(reached), { class: 'plain reach', 'aria-label': 'The company' }),
  ];
}

// --- the whole graph ---------------------------------------------------------------------------

function provenPart(graph) {
  const facts = companyFacts(graph).filter(isProven);
  const people = graph.contacts.filter(({ name }) => isProven(name));
  if (!facts.length && !people.length) return card('Proven', 'proven', muted('Nothing could be proven yet.'));
  return card('Proven', 'proven',
    people.length > 0 && [el('h3', {}, 'People'), list(people.map((contact) => person(contact, graph, 'proven')), { class: 'plain people' })],
    facts.length > 0 && [el('h3', {}, 'The company'), list(facts.map((statement) => fact(statement, 'proven')), { class: 'plain facts' })]);
}

function doubtfulPart(graph) {
  const facts = companyFacts(graph).filter((statement) => !isProven(statement));
  const people = graph.contacts.filter(({ name }) => !isProven(name));
  const held = graph.unmerged_candidates;
  if (!facts.length && !people.length && !held.length) return null;
  const node = card('Not proven', 'doubtful', muted('Claims, not facts: check them before you use them.'),
    people.length > 0 && list(people.map((contact) => person(contact, graph, 'doubtful')), { class: 'plain people' }),
    facts.length > 0 && list(facts.map((statement) => fact(statement, 'doubtful')), { class: 'plain facts' }),
    held.length > 0 && fold(`Held back (${held.length})`, 'held', list(held.map(heldBack))));
  node.classList.add('doubtful');
  return node;
}

function heldBack({ id, label, kind, reason, evidence }) {
  return el('li', { class: 'fact' }, el('span', { class: 'label muted small' }, named(kind)),
    el('div', {}, el('span', { class: 'value' }, label), muted(reason), proof([{ evidence }], `held-${id}`, 'claim')));
}
