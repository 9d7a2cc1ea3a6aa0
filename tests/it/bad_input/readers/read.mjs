// What Node reads in each body: a line of base64 in, a line of JSON out.
import { readFileSync } from 'node:fs';

const decoder = new TextDecoder('utf-8');
for (const line of readFileSync(process.argv[1], 'ascii').trimEnd().split('\n')) {
  try {
    const message = JSON.parse(decoder.decode(Buffer.from(line, 'base64')));
    const { name, arguments: given } = message.params ?? {};
    if (typeof message.method !== 'string') throw new TypeError('no method');
    console.log(JSON.stringify({ read: { method: message.method, tool: name ?? null, arguments: given ?? null } }));
  } catch {
    console.log('{"read":null}');
  }
}
