"""What the first run prints: each line of it works when pasted."""

import json
import shlex

from config.quickstart.call import echo_call
from config.quickstart.facts import Facts


def printout(facts: Facts) -> list[str]:
    """The lines."""
    return [
        "",
        f"Console    {facts.console_url}",
        f"  sign in  {facts.email}  password  {facts.password}",
        f"Endpoint   {facts.mcp_url}",
        f"  key      {facts.api_key}",
        f"Health     {facts.ops_url}/readyz",
        "",
        "Call a tool:",
        f"  {curl(facts)}",
        "",
        "Connect Claude Code:",
        f"  {claude(facts)}",
        "",
        "Or put this into .mcp.json:",
        *mcp_json(facts).splitlines(),
        "",
    ]


def curl(facts: Facts) -> str:
    """A shell line that calls `echo`."""
    call = echo_call(facts.api_key)
    headers = [word for name, value in call.headers.items() for word in ("-H", f"{name}: {value}")]
    return shlex.join(["curl", "-sS", *headers, "-d", call.body, facts.mcp_url])


def claude(facts: Facts) -> str:
    """A shell line that adds the endpoint to Claude Code."""
    header = f"Authorization: Bearer {facts.api_key}"
    return shlex.join(["claude", "mcp", "add", "--transport", "http", facts.tenant, facts.mcp_url, "--header", header])


def mcp_json(facts: Facts) -> str:
    """The content of an `.mcp.json`."""
    headers = {"Authorization": f"Bearer {facts.api_key}"}
    server = {"type": "http", "url": facts.mcp_url, "headers": headers}
    return json.dumps({"mcpServers": {facts.tenant: server}}, indent=2)
