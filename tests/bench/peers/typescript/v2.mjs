// The official TypeScript SDK 2 with the echo tool, without sessions (2026-07-28), over node:http: node v2.mjs PORT
import { createServer } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

const inputSchema = z.object({ text: z.string() });

function served() {
    const server = new McpServer({ name: "bench", version: "1" });
    server.registerTool("echo", { inputSchema }, ({ text }) => ({ content: [{ type: "text", text }] }));
    return server;
}

createServer(toNodeHandler(createMcpHandler(served))).listen(Number(process.argv[2]), "127.0.0.1");
