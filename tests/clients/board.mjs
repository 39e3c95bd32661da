// node board.mjs PLAN: opens the hunt board on a running server and prints what happened
// as JSON. PLAN is JSON: {line, era, server, browser?, tool, arguments, text_only?, amid?, press?, shapes?}; without
// `browser`, the path of a Chromium, the page's script runs on a document of this process.
import { BoardHost, look } from './board_host.mjs';
import { inBrowser } from './board_browser.mjs';
import { withoutBrowser } from './board_plain.mjs';
import { connect } from './connect.mjs';

const POLL_MS = 50;
const PATIENCE_MS = 60_000;

// Look until the page is as wanted. The deadline is only there to fail instead of hanging.
async function until(board, wanted) {
  const deadline = Date.now() + PATIENCE_MS;
  let seen;
  while (Date.now() < deadline) {
    seen = await board.run(look.toString());
    if (seen && wanted(seen)) return seen;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  throw new Error(`the board did not get there: ${JSON.stringify({ seen, problems: board.problems })}`);
}

const settled = (seen) => !seen.busy && (seen.slots.length > 0 || Boolean(seen.sections.identity) || Boolean(seen.problem));

// Press the buttons whose keys begin so, one after another, each to its end.
async function pressed(board, host, starts) {
  const after = [];
  for (const start of starts) {
    const { buttons } = await board.run(look.toString());
    const { key, label } = buttons.find((button) => button.key?.startsWith(start)) ?? {};
    if (!key) throw new Error(`there is no button ${start}: ${JSON.stringify(buttons)}`);
    const before = host.calls.length;
    await board.press(key);
    const during = await until(board, (seen) => seen.busy || host.calls.length > before);
    const seen = await until(board, (now) => host.calls.length > before && settled(now));
    after.push({ key, label, during, seen, calls: host.calls.slice(before) });
  }
  return after;
}

async function show(plan, client, host, board) {
  await until(board, () => host.heard.includes('ui/notifications/initialized'));
  const result = await client.call(plan.tool, plan.arguments);
  const params = plan.text_only ? { content: result.content } : result;
  await board.deliver({ jsonrpc: '2.0', method: 'ui/notifications/tool-input', params: { arguments: plan.arguments } });
  await board.deliver({ jsonrpc: '2.0', method: 'ui/notifications/tool-result', params });
  const amid = plan.amid && await until(board, ({ buttons }) => buttons.some(({ key }) => key === plan.amid));
  if (amid) await board.press(plan.amid); // while the job runs
  const first = await until(board, settled);
  const calls = [...host.calls];
  const after = await pressed(board, host, plan.press ?? []);
  const shapes = [];
  for (const shape of plan.shapes ?? []) shapes.push({ ...shape, ...await board.shape(shape) });
  return { result, amid, first, calls, after, shapes, heard: host.heard, opened: host.opened, problems: board.problems };
}

const plan = JSON.parse(process.argv[2]);
const client = await connect(plan);
try {
  const host = new BoardHost(client);
  const { text, ...page } = await host.page(plan.tool);
  const use = (board) => show(plan, client, host, board);
  const seen = plan.browser ? await inBrowser(plan.browser, text, host, use) : await withoutBrowser(text, host, use);
  // The page of a board that was left open may still be waiting for something.
  process.stdout.write(JSON.stringify({ page, ...seen }), () => process.exit(0));
} finally {
  await client.close();
}
