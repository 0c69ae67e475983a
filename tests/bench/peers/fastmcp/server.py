"""FastMCP's server with the same echo tool, no authentication and no limits. Runs in an environment of its own."""

from fastmcp import FastMCP

server = FastMCP("bench")


def echo(text: str) -> str:
    """Returns what it is given."""
    return text


# Without an output schema, which would have the text sent twice.
server.tool(echo, output_schema=None)
app = server.http_app(path="/mcp", json_response=True)
