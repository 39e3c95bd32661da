// The board in a real browser: the page in a sandboxed frame under the strictest policy that hosts
// use, inside a host page that hands messages to this process. Driven over the DevTools protocol
// with what Node brings along.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const POLICY = [
  "default-src 'none'", "script-src 'self' 'unsafe-inline'", "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:", "media-src 'self' data:", "connect-src 'none'",
].join('; ');
const HOST_PAGE = `<!doctype html><meta name="color-scheme" content="light dark">
<style>html, body { margin: 0; height: 100% } iframe { border: 0; width: 100%; height: 100%; display: block }</style>
<iframe sandbox="allow-scripts" src="/board"></iframe>
<script>
  const frame = document.querySelector('iframe');
  window.deliver = (message) => frame.contentWindow.postMessage(message, '*');
  window.addEventListener('message', async ({ source, data }) => {
    if (source !== frame.contentWindow) return;
    const reply = await fetch('/message', { method: 'POST', body: JSON.stringify(data) });
    const answer = await reply.json();
    if (answer) window.deliver(answer);
  });
</script>`;
const FLAGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--hide-scrollbars',
  // The frame stays in the page's process, where one connection sees both.
  '--disable-site-isolation-trials', '--disable-features=IsolateSandboxedIframes',
  '--remote-debugging-port=0',
];

export async function inBrowser(executable, html, host, use) {
  const profile = mkdtempSync(join(tmpdir(), 'data411-board-'));
  const web = await serve(html, host);
  const browser = spawn(executable, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const tools = await DevTools.connect(await pageOf(await addressOf(browser)));
    const board = new Board(tools, web.address().port);
    await board.open();
    return await use(board);
  } finally {
    if (browser.exitCode === null && browser.signalCode === null) {
      browser.kill('SIGKILL');
      await once(browser, 'exit');
    }
    web.close();
    web.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function serve(html, host) {
  const web = createServer(async (request, response) => {
    const type = (kind) => response.setHeader('Content-Type', kind);
    if (request.url === '/message') {
      let body = '';
      for await (const part of request) body += part;
      type('application/json');
      response.end(JSON.stringify((await host.answer(JSON.parse(body))) ?? null));
    } else if (request.url === '/board') {
      type('text/html; charset=utf-8');
      response.setHeader('Content-Security-Policy', POLICY);
      response.end(html);
    } else {
      type('text/html; charset=utf-8');
      response.end(HOST_PAGE);
    }
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  return web;
}

// The address that the browser prints once it listens.
async function addressOf(browser) {
  let printed = '';
  for await (const part of browser.stderr) {
    printed += part;
    const found = /DevTools listening on (ws:\S+)/.exec(printed);
    if (found) {
      browser.stderr.resume();
      return new URL(found[1]);
    }
  }
  throw new Error(`the browser did not start: ${printed.slice(-1000)}`);
}

async function pageOf({ host }) {
  const targets = await (await fetch(`http://${host}/json`)).json();
  return targets.find(({ type }) => type === 'page').webSocketDebuggerUrl;
}

class DevTools {
  static async connect(address) {
    const socket = new WebSocket(address);
    await once(socket, 'open');
    return new DevTools(socket);
  }

  constructor(socket) {
    this.socket = socket;
    this.pending = new Map();
    this.contexts = new Map(); // frame id → execution context of the page's own scripts
    this.problems = []; // uncaught errors and refused content, in the words of the browser
    this.lastId = 0;
    socket.addEventListener('message', ({ data }) => this.hear(JSON.parse(data)));
  }

  hear({ id, method, params, result, error }) {
    if (id !== undefined) {
      const { resolve, reject } = this.pending.get(id);
      if (error) reject(new Error(error.message));
      else resolve(result);
    }
    if (method === 'Runtime.executionContextCreated' && params.context.auxData.isDefault) {
      this.contexts.set(params.context.auxData.frameId, params.context.id);
    }
    if (method === 'Runtime.exceptionThrown') {
      const { text, exception } = params.exceptionDetails;
      this.problems.push(exception?.description ?? text);
    }
    if (method === 'Log.entryAdded' && params.entry.level === 'error') {
      if (!params.entry.url?.endsWith('/favicon.ico')) this.problems.push(params.entry.text);
    }
  }

  send(method, params = {}) {
    const id = ++this.lastId;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
  }

  async evaluate(expression, contextId) {
    const given = { expression, contextId, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', given);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
}

class Board {
  constructor(tools, port) {
    this.tools = tools;
    this.url = `http://127.0.0.1:${port}/`;
  }

  get problems() {
    return this.tools.problems;
  }

  async open() {
    for (const domain of ['Page', 'Runtime', 'Log']) await this.tools.send(`${domain}.enable`);
    await this.tools.send('Page.navigate', { url: this.url });
  }

  // Run a function of no arguments inside the board's frame.
  async run(source) {
    const { frameTree } = await this.tools.send('Page.getFrameTree');
    const frame = frameTree.childFrames?.[0]?.frame;
    const context = frame?.url.endsWith('/board') ? this.tools.contexts.get(frame.id) : undefined;
    if (context === undefined) return undefined;
    return this.tools.evaluate(`(${source})()`, context);
  }

  deliver(message) {
    return this.tools.evaluate(`window.deliver(${JSON.stringify(message)})`);
  }

  // As a keyboard user presses it: focus, then Enter.
  async press(key) {
    await this.run(`() => document.querySelector('[data-key=${JSON.stringify(key)}]').focus()`);
    for (const type of ['keyDown', 'keyUp']) {
      await this.tools.send('Input.dispatchKeyEvent', {
        type, key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: type === 'keyDown' ? '\r' : undefined,
      });
    }
  }

  // Lay the page out at a width, in a colour scheme; answers how wide the content is.
  async shape({ width, height = 900, scheme = 'light', file }) {
    const media = { features: [{ name: 'prefers-color-scheme', value: scheme }] };
    await this.tools.send('Emulation.setEmulatedMedia', media);
    const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.tools.send('Emulation.setDeviceMetricsOverride', metrics);
    const shape = await this.run(`() => ({
      content: document.documentElement.scrollWidth, frame: window.innerWidth,
      height: document.body.scrollHeight,
      background: getComputedStyle(document.body).backgroundColor,
    })`);
    if (file) {
      await this.tools.send('Emulation.setDeviceMetricsOverride', { ...metrics, height: Math.min(shape.height + 20, 4000) });
      const { data } = await this.tools.send('Page.captureScreenshot', { format: 'png' });
      writeFileSync(file, Buffer.from(data, 'base64'));
    }
    return shape;
  }
}
