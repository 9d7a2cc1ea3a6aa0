// The official TypeScript client, v2: lists the tools, calls one that the policy allows and one that it refuses, says what it saw.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [url, revision] = process.argv.slice(1);
const mode = revision === '2026-07-28' ? { pin: revision } : 'legacy';
const client = new Client({ name: 'probe', version: '1' }, { versionNegotiation: { mode } });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const allowed = await client.callTool({ name: 'test_simple_text', arguments: {} });
const refused = await client.callTool({ name: 'test_error_handling', arguments: {} });
console.log(JSON.stringify({ tools, allowed: allowed.content[0].text, error: refused.isError ?? false, refused: refused.content[0].text }));
await client.close();
