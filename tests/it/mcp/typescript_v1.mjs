// The official TypeScript client, v1: lists the tools, calls one that the policy allows and one that it refuses, says what it saw.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const client = new Client({ name: 'probe', version: '1' });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[1])));
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const allowed = await client.callTool({ name: 'test_simple_text', arguments: {} });
const refused = await client.callTool({ name: 'test_error_handling', arguments: {} });
console.log(JSON.stringify({ tools, allowed: allowed.content[0].text, error: refused.isError ?? false, refused: refused.content[0].text }));
await client.close();
