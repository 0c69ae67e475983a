// The official TypeScript SDK 1 with the echo tool, in sessions (2025-11-25), over node:http: node v1.mjs PORT
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

const sessions = new Map();

async function opened() {
    const server = new McpServer({ name: "bench", version: "1" });
    const inputSchema = { text: z.string() };
    server.registerTool("echo", { inputSchema }, ({ text }) => ({ content: [{ type: "text", text }] }));
    const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        enableJsonResponse: true,
        onsessioninitialized: (id) => sessions.set(id, transport),
    });
    await server.connect(transport);
    return transport;
}

createServer(async (request, response) => {
    const known = sessions.get(request.headers["mcp-session-id"]);
    await (known ?? (await opened())).handleRequest(request, response);
}).listen(Number(process.argv[2]), "127.0.0.1");
