// The board without a browser: its script runs on the few parts of a document that it uses. What
// a real browser does with markup, focus and styles is not looked at here.
import { createContext, runInContext } from 'node:vm';

const VOID = new Set(['meta', 'input', 'link', 'br', 'img']);

class Node {
  constructor(tag) {
    this.tagName = tag.toUpperCase();
    this.attributes = {};
    this.children = [];
    this.listeners = {};
    this.dataset = {};
    this.style = { setProperty() {} };
    this.hidden = false;
  }

  get textContent() {
    return this.children.map((kid) => (typeof kid === 'string' ? kid : kid.textContent)).join('');
  }

  set textContent(text) { this.children = [String(text)]; }
  set className(names) { this.attributes.class = names; }
  setAttribute(name, value) {
    this.attributes[name] = String(value);
    if (name === 'data-key') this.dataset.key = String(value);
    if (name === 'hidden') this.hidden = true;
  }

  getAttribute(name) { return this.attributes[name] ?? null; }
  append(...kids) { this.children.push(...kids.map((kid) => (kid instanceof Node ? kid : String(kid)))); }
  replaceChildren(...kids) {
    this.children = [];
    this.append(...kids);
  }

  addEventListener(name, listener) { (this.listeners[name] ??= []).push(listener); }
  click() { for (const listener of this.listeners.click ?? []) listener({ preventDefault() {} }); }
  focus() {}
  setSelectionRange() {}
  getBoundingClientRect() { return { height: 0 }; }
  get below() { return this.children.flatMap((kid) => (kid instanceof Node ? [kid, ...kid.below] : [])); }
}

// The document that the page's own markup describes. The page is ours and well formed.
function parse(html) {
  const root = new Node('root');
  const open = [root];
  let script = '';
  for (let at = 0; at < html.length;) {
    const tag = /<(\/?)([a-z0-9]+)((?:\s+[a-z-]+(?:="[^"]*"|=[^\s>]+)?)*)\s*>|<!doctype html>/gi;
    tag.lastIndex = at;
    const found = tag.exec(html);
    if (!found) break;
    const text = html.slice(at, found.index).trim();
    if (text) open.at(-1).append(text);
    at = tag.lastIndex;
    const [, closing, name, attributes] = found;
    if (!name) continue;
    if (closing) { open.pop(); continue; }
    const node = new Node(name);
    for (const [, key, value] of attributes.matchAll(/([a-z-]+)(?:="?([^"]*)"?)?/gi)) {
      node.setAttribute(key, value ?? '');
    }
    open.at(-1).append(node);
    if (name === 'script' || name === 'style') {
      const end = html.indexOf(`</${name}>`, at);
      if (name === 'script') script = html.slice(at, end);
      at = end + name.length + 3;
    } else if (!VOID.has(name)) open.push(node);
  }
  return { root, script };
}

export async function withoutBrowser(html, host, use) {
  const { root, script } = parse(html);
  const problems = [];
  const listeners = [];
  const find = (test) => root.below.filter(test);
  const deliver = (message) => {
    for (const listener of listeners) listener({ source: parent, data: structuredClone(message) });
  };
  const parent = {
    postMessage(message) {
      host.answer(structuredClone(message)).then((answer) => answer && deliver(answer));
    },
  };
  const document = {
    documentElement: find(({ tagName }) => tagName === 'HTML')[0],
    body: find(({ tagName }) => tagName === 'BODY')[0],
    activeElement: undefined,
    createElement: (tag) => new Node(tag),
    getElementById: (id) => find((node) => node.attributes.id === id)[0],
    querySelectorAll(selector) {
      const attribute = /^\[([a-z-]+)\]$/.exec(selector)?.[1];
      return find((node) => (attribute ? attribute in node.attributes : node.tagName === selector.toUpperCase()));
    },
  };
  const window = {
    parent, addEventListener: (_, listener) => listeners.push(listener),
  };
  class ResizeObserver { observe() {} }
  const context = createContext({ window, document, ResizeObserver, URL, setTimeout, clearTimeout });
  const note = (error) => problems.push(String(error?.stack ?? error));
  process.on('unhandledRejection', note);
  runInContext(script, context, { filename: 'board.html' });
  try {
    return await use({
      problems,
      deliver,
      run: async (source) => structuredClone(runInContext(`(${source})()`, context)),
      press: async (key) => document.querySelectorAll('[data-key]').find((node) => node.dataset.key === key).click(),
    });
  } finally {
    process.off('unhandledRejection', note);
  }
}
