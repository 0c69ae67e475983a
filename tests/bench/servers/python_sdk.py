"""The official Python SDK's server with the same echo tool, no authentication and no limits: what it costs bare."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("bench", log_level="ERROR")


# Without structured output, which would send the text twice.
@server.tool(structured_output=False)
def echo(text: str) -> str:
    """Returns what it is given."""
    return text


app = server.streamable_http_app(json_response=True)
