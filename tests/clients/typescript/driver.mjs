// An official TypeScript client, unchanged, driven by a test: a line of JSON in, a line of JSON out.
//   node driver.mjs v1|v2 [negotiation mode of v2, as JSON]    MCP_URL and MCP_KEY say where to, and with which key
import { createInterface } from 'node:readline';

const [sdk, mode] = process.argv.slice(2);
const url = new URL(process.env.MCP_URL);
const options = { requestInit: { headers: { Authorization: `Bearer ${process.env.MCP_KEY}` } } };
const identity = { name: `tests-${sdk}`, version: '1.0.0' };

async function connectV1() {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const transport = new StreamableHTTPClientTransport(url, options);
    const client = new Client(identity);
    await client.connect(transport);
    return { client, version: transport.protocolVersion, list: () => client.listTools() };
}

async function connectV2() {
    const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
    const transport = new StreamableHTTPClientTransport(url, options);
    const client = new Client(identity, { versionNegotiation: { mode: JSON.parse(mode) } });
    await client.connect(transport);
    const list = () => client.listTools(undefined, { cacheMode: 'refresh' });
    return { client, version: client.getNegotiatedProtocolVersion(), list };
}

const { client, version, list } = await (sdk === 'v1' ? connectV1() : connectV2());

const commands = {
    connected: async () => ({ version, server: client.getServerVersion() }),
    list: async () => (await list()).tools,
    call: async ({ name, arguments: given }) => client.callTool({ name, arguments: given }),
};

for await (const line of createInterface({ input: process.stdin })) {
    const { command, ...rest } = JSON.parse(line);
    let answer;
    try {
        answer = { value: await commands[command](rest) };
    } catch (error) {
        answer = { error: { code: error.code, message: error.message } };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await client.close();
