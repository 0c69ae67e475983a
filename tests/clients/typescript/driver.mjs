// An official TypeScript client, unchanged, driven by a test: a line of JSON in, a line of JSON out.
//   node driver.mjs v1|v2 [negotiation mode of v2, as JSON]    MCP_URL and MCP_KEY say where to, and with which key
import { createInterface } from 'node:readline';

const [sdk, mode] = process.argv.slice(2);
const url = new URL(process.env.MCP_URL);
const key = process.env.MCP_KEY;
const options = { requestInit: { headers: key ? { Authorization: `Bearer ${key}` } : {} } };
const identity = { name: `tests-${sdk}`, version: '1.0.0' };
const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };

// What the client's person, its model and its machine answer, and what was asked of them.
const asked = [];
const answers = { name: 'Alice', color: 'red', username: 'alice', email: 'alice@example.com', ok: true, context: 'a letter' };
const elicit = async ({ params }) => {
    asked.push(params);
    if (params.mode === 'url') return { action: 'accept' };
    const wanted = Object.keys(params.requestedSchema.properties);
    return { action: 'accept', content: Object.fromEntries(wanted.map((name) => [name, answers[name]])) };
};
const sample = async ({ params }) => {
    asked.push(params);
    return { role: 'assistant', model: 'test', content: { type: 'text', text: 'Paris' } };
};
const roots = async () => ({ roots: [{ uri: 'file:///work', name: 'Work' }, { uri: 'file:///home' }] });

async function connectV1() {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const { SSEClientTransport } = await import('@modelcontextprotocol/sdk/client/sse.js');
    const types = await import('@modelcontextprotocol/sdk/types.js');
    const events = new URL(url.href.replace(/mcp$/, 'sse'));
    const transport =
        mode === 'sse' ? new SSEClientTransport(events, options) : new StreamableHTTPClientTransport(url, options);
    const client = new Client(identity, { capabilities });
    client.setRequestHandler(types.ElicitRequestSchema, elicit);
    client.setRequestHandler(types.CreateMessageRequestSchema, sample);
    client.setRequestHandler(types.ListRootsRequestSchema, roots);
    const heard = hearing(client);
    await client.connect(transport);
    const call = (params, settings) => client.callTool(params, undefined, settings);
    // The SSE transport keeps to itself what was agreed.
    const version = transport.protocolVersion ?? transport._protocolVersion;
    return { client, heard, version, list: () => client.listTools(), call };
}

async function connectV2() {
    const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
    const transport = new StreamableHTTPClientTransport(url, options);
    const client = new Client(identity, { capabilities, versionNegotiation: { mode: JSON.parse(mode) } });
    client.setRequestHandler('elicitation/create', elicit);
    client.setRequestHandler('sampling/createMessage', sample);
    client.setRequestHandler('roots/list', roots);
    const heard = hearing(client);
    await client.connect(transport);
    const list = () => client.listTools(undefined, { cacheMode: 'refresh' });
    const call = (params, settings) => client.callTool(params, settings);
    return { client, heard, version: client.getNegotiatedProtocolVersion(), list, call };
}

// The notifications that nobody else takes.
function hearing(client) {
    const messages = [];
    client.fallbackNotificationHandler = async (notification) => void messages.push(notification);
    return messages;
}

const { client, heard, version, list, call } = await (sdk === 'v1' ? connectV1() : connectV2());

const commands = {
    connected: async () => ({
        version,
        server: client.getServerVersion(),
        capabilities: client.getServerCapabilities(),
        instructions: client.getInstructions(),
    }),
    list: async () => (await list()).tools,
    call: async ({ name, arguments: given, meta }) => call({ name, arguments: given, ...(meta && { _meta: meta }) }),
    // Whatever else a client has, by the name of its method.
    use: async ({ method, parameters }) => client[method](...parameters),
    asked: async () => asked.splice(0),
    heard: async () => heard.splice(0),
    listen: async ({ filter }) => (await client.listen(filter)).honoredFilter,
    watch: async ({ name }) => {
        const reported = [];
        const value = await call({ name, arguments: {} }, { onprogress: (progress) => reported.push(progress) });
        return { value, reported };
    },
    giveUp: async ({ name, arguments: given }) => {
        const abort = new AbortController();
        const calling = call({ name, arguments: given }, { signal: abort.signal });
        setTimeout(() => abort.abort('enough'), 100);
        return calling.then(() => 'answered', () => 'given up');
    },
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
