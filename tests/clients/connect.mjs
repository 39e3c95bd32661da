// One client interface over both lines of the TypeScript SDK:
//   v1  @modelcontextprotocol/sdk     the handshake of 2025-11-25 and earlier
//   v2  @modelcontextprotocol/client  the same, or the protocol of 2026-07-28 ("modern")
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const INFO = { name: 'data411-client-tests', version: '1.0.0' };
const MODERN = '2026-07-28';

// What a session of the real program needs: a client, and everything it was told meanwhile.
// `server` is {url, bearer} or {command, args, env, cwd}; `answer` answers questions to the user.
export async function connect({ line, era, server, answer }) {
  const seen = { progress: [], messages: [], questions: [] };
  const ask = async (request) => {
    seen.questions.push(request.params);
    return answer(request.params);
  };
  const capabilities = answer ? { elicitation: { form: {} } } : {};
  const client = line === 'v1'
    ? new ClientV1(INFO, { capabilities })
    : new ClientV2(INFO, {
        capabilities,
        versionNegotiation: { mode: era === 'modern' ? { pin: MODERN } : 'legacy' },
      });
  if (answer) client.setRequestHandler(line === 'v1' ? ElicitRequestSchema : 'elicitation/create', ask);
  await client.connect(transport(line, server));
  const { tools } = await client.listTools(); // from here on, answers are checked against the schemas

  // A call with progress; `options` are the SDK's own (timeout, signal, resetTimeoutOnProgress).
  const call = (name, args, options = {}) => {
    const onprogress = ({ progress, message }) => {
      seen.progress.push(progress);
      seen.messages.push(message ?? '');
      options.onmessage?.(message ?? '');
    };
    const request = { name, arguments: args };
    const more = { timeout: 120_000, onprogress, ...options };
    return line === 'v1' ? client.callTool(request, undefined, more) : client.callTool(request, more);
  };
  const read = (uri) => client.readResource({ uri });
  const names = tools.map((tool) => tool.name);
  return { call, read, seen, listed: tools, tools: names, close: () => client.close() };
}

function transport(line, server) {
  if (!server.url) {
    const Stdio = line === 'v1' ? StdioV1 : StdioV2;
    return new Stdio({ ...server, stderr: 'ignore' });
  }
  const Http = line === 'v1' ? HttpV1 : HttpV2;
  const headers = server.bearer ? { Authorization: `Bearer ${server.bearer}` } : {};
  return new Http(new URL(server.url), { requestInit: { headers } });
}

// The structured answer once the job is over, by waiting as the answers say.
export async function followed(client, result) {
  let answer = result.structuredContent;
  while (answer.status === 'running') {
    answer = (await client.call('wait_enrich_job', { job_id: answer.job_id })).structuredContent;
  }
  return answer;
}
