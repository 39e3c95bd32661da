// The host's side of MCP Apps, for the hunt board: it opens the page that a tool names, gives it
// the tool's result, and passes the calls of its buttons on to the server, keeping a list of them.
export class BoardHost {
  constructor(client) {
    this.client = client;
    this.calls = []; // {name, arguments} that the page made
    this.heard = []; // methods of everything else that it sent
    this.opened = []; // links that it asked to have opened
  }

  // The page of a tool: what a host fetches before it shows anything.
  async page(tool) {
    const { resourceUri } = this.client.listed.find(({ name }) => name === tool)._meta.ui;
    const { contents } = await this.client.read(resourceUri);
    const [{ mimeType, text }] = contents;
    return { resourceUri, mimeType, text };
  }

  // The answer to a message of the page, or undefined where none is due.
  async answer({ id, method, params }) {
    if (method !== 'tools/call') this.heard.push(method);
    if (id === undefined) return undefined;
    try {
      return { jsonrpc: '2.0', id, result: await this.result(method, params) };
    } catch (error) {
      return { jsonrpc: '2.0', id, error: { code: -32000, message: error.message } };
    }
  }

  async result(method, params) {
    if (method === 'ui/initialize') {
      return {
        protocolVersion: params.protocolVersion,
        hostInfo: { name: 'board-tests', version: '1.0.0' },
        hostCapabilities: { serverTools: {}, openLinks: {} },
        hostContext: { displayMode: 'inline' },
      };
    }
    if (method === 'tools/call') {
      this.calls.push({ name: params.name, arguments: params.arguments });
      return this.client.call(params.name, params.arguments);
    }
    if (method === 'ui/open-link') this.opened.push(params.url);
    else if (method !== 'ui/update-model-context') throw new Error(`no such method: ${method}`);
    return {};
  }
}

// What the page shows, as its user perceives it. The source of this function is run inside the
// page, whichever way the page itself is run.
export function look() {
  const text = (id) => document.getElementById(id).textContent.trim();
  const sections = ['identity', 'slots', 'summary', 'contacts', 'gaps', 'unmerged', 'history'];
  return {
    status: text('status'),
    problem: text('problem'),
    company: text('company'),
    who: text('who'),
    money: text('money'),
    busy: document.getElementById('board').getAttribute('aria-busy') === 'true',
    sections: Object.fromEntries(
      sections.filter((id) => !document.getElementById(id).hidden).map((id) => [id, text(id)]),
    ),
    slots: [...document.querySelectorAll('[data-slot]')].map((row) => row.getAttribute('data-slot')),
    buttons: [...document.querySelectorAll('button')].map((button) => ({
      key: button.getAttribute('data-key'),
      label: button.getAttribute('aria-label') ?? button.textContent,
      off: button.getAttribute('aria-disabled') === 'true',
    })),
    links: [...document.querySelectorAll('a')].map((a) => ({
      href: a.getAttribute('href'), rel: a.getAttribute('rel'),
    })),
    images: document.querySelectorAll('img').length,
    scripts: document.querySelectorAll('script').length,
    pwned: globalThis.pwned === true,
    focus: document.activeElement?.getAttribute?.('data-key') ?? null,
  };
}
