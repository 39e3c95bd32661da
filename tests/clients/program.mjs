// node program.mjs SCENARIO PLAN: runs one of the scenarios below and prints what happened as JSON.
// PLAN is JSON: {line, era, server, lead, pick?, slot?}; connect.mjs says what line, era and server are.
import { connect, followed } from './connect.mjs';

const scenarios = {
  // A lead to its end, a follow-up in the same chat, and calls that are refused. Refusals are
  // results, not broken calls: they say what is wrong and what to call instead.
  async follow_up({ client, lead }) {
    const first = await followed(client, await client.call('enrich_lead_session', { lead }));
    const { chat_session_id } = first;
    const prompts = ['Look again for the owner and rewrite the summary.'];
    const asked = await client.call('enrich_lead_session', { lead, chat_session_id, prompts });
    const second = await followed(client, asked);
    const other = { contact_id: 7, company: 'Acme Pumps', domain: 'acme.example' };
    const calls = {
      other_lead: ['enrich_lead_session', { lead: other, chat_session_id }],
      misspelt: ['enrich_lead_session', { lead, chat_session_id, refesh: true }],
      unknown_job: ['wait_enrich_job', { job_id: 'none' }],
    };
    const refused = {};
    for (const [name, [tool, args]] of Object.entries(calls)) {
      const { isError, structuredContent } = await client.call(tool, args);
      refused[name] = { isError, ...structuredContent };
    }
    return { first, second, refused };
  },

  // The client would give up after `timeout` of silence; every progress message starts it anew.
  async patient({ client, lead, timeout }) {
    const options = { timeout, resetTimeoutOnProgress: true };
    return { answer: (await client.call('enrich_lead_session', { lead }, options)).structuredContent };
  },

  // The server answers early with a handle; one slot is cancelled and the job goes on to its end.
  async wait({ client, lead, slot }) {
    const started = (await client.call('enrich_lead_session', { lead })).structuredContent;
    const { job_id } = started;
    const waiting = { job_id, max_wait_seconds: 0 };
    const still = (await client.call('wait_enrich_job', waiting)).structuredContent;
    await client.call('cancel_enrich_job', { job_id, slot });
    const again = await client.call('wait_enrich_job', { job_id });
    return { started, still, ended: await followed(client, again) };
  },

  // The request is cancelled at its first progress; the same call then joins the job that went on.
  async hang_up({ client, lead, slot }) {
    const chat_session_id = 'hang-up';
    const hangUp = new AbortController();
    const gaveUp = await client
      .call('enrich_lead_session', { lead, chat_session_id }, {
        signal: hangUp.signal,
        onmessage: () => hangUp.abort(new Error('enough')),
      })
      .then(() => false, () => true);
    const joined = (await client.call('enrich_lead_session', { lead, chat_session_id })).structuredContent;
    await client.call('cancel_enrich_job', { job_id: joined.job_id, slot });
    const again = await client.call('wait_enrich_job', { job_id: joined.job_id });
    return { gaveUp, joined, ended: await followed(client, again) };
  },

  // One slot again and the summary rewritten, as "Rerun Hunt Forge and resynthesize" asks for.
  async rerun({ client, lead, slot }) {
    const first = await followed(client, await client.call('enrich_lead_session', { lead }));
    const { chat_session_id } = first;
    const hunt = { chat_session_id, model_id: slot };
    const rerun = await followed(client, await client.call('rerun_hunt_slot', hunt));
    const rewrite = { chat_session_id, prompts: ['Emphasize owner phones in the summary.'] };
    const rewritten = await followed(client, await client.call('resynthesize_lead_graph', rewrite));
    return { first, rerun, rewritten };
  },

  // Somebody else's chat and job, which this client's key must not see.
  async look({ client, chat_session_id, job_id }) {
    const graph = (await client.call('get_lead_graph', { chat_session_id })).structuredContent;
    const job = (await client.call('wait_enrich_job', { job_id })).structuredContent;
    return { graph, job };
  },

  // One call; the user is asked on the way where several companies fit.
  async ask({ client, lead }) {
    return { answer: await followed(client, await client.call('enrich_lead_session', { lead })) };
  },
};

const [scenario, plan] = [process.argv[2], JSON.parse(process.argv[3])];
const pick = ({ requestedSchema }) => ({
  action: 'accept',
  content: { company: requestedSchema.properties.company.enum.at(plan.pick) },
});
const client = await connect({ ...plan, answer: plan.pick === undefined ? undefined : pick });
try {
  const outcome = await scenarios[scenario]({ ...plan, client });
  console.log(JSON.stringify({ ...outcome, ...client.seen, tools: client.tools }));
} finally {
  await client.close();
}
