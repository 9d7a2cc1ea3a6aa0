// The official TypeScript client, v1, against a server that speaks first: progress, a request to the client, cancellation.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const client = new Client({ name: 'probe', version: '1' }, { capabilities: { sampling: {} } });
client.setRequestHandler(CreateMessageRequestSchema, (request) => ({
  model: 'probe', role: 'assistant', content: { type: 'text', text: `asked: ${request.params.messages[0].content.text}` },
}));
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[1])));

const progress = [];
let finished = false;
const long = { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 4 } };
const operation = await client.callTool(long, undefined, { onprogress: (at) => progress.push({ at: at.progress, finished }) });
finished = true;

const sampled = await client.callTool({ name: 'trigger-sampling-request', arguments: { prompt: 'hello', maxTokens: 10 } });

const stop = new AbortController();
const endless = { name: 'trigger-long-running-operation', arguments: { duration: 600, steps: 6000 } };
let cancelled = 'it went on';
try {
  await client.callTool(endless, undefined, { signal: stop.signal, timeout: 600_000, onprogress: () => stop.abort('no longer wanted') });
} catch (error) {
  cancelled = String(error.message ?? error);
}
await client.ping();
console.log(JSON.stringify({ progress, operation: operation.content[0].text, sampled: sampled.content[0].text, cancelled }));
await client.close();
