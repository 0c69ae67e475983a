"""The official MCP Inspector's command line, on an open and on a protected endpoint: it lists, reads and calls."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.everything import Everything
from tests.node_packages import NODE, installed

SECONDS = 60
SOURCE = Path(__file__).parent / "inspector"
PROGRAM = Path("node_modules", "@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js")

pytestmark = pytest.mark.peers


@dataclass(frozen=True)
class Inspector:
    """The program, and a home of its own to write in."""

    program: Path
    home: Path

    def run(
        self, everything: Everything, method: str, *options: str, key: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What it says of a method."""
        key = key or everything.key
        header = ["--header", f"Authorization: Bearer {key}"] if key else []
        words = ["--cli", everything.url, *header, "--transport", "http", "--method", method, *options]
        environment = {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(self.home)}
        command: list[str | Path] = [NODE, self.program, *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS, env=environment)

    def ask(self, everything: Everything, method: str, *options: str) -> Any:
        """The result of a method; fails when the program does."""
        done = self.run(everything, method, *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    """The program, installed once for its lock."""
    return Inspector(installed(SOURCE) / PROGRAM, tmp_path_factory.mktemp("home"))


def test_it_lists_and_calls_tools(inspector: Inspector, everything: Everything) -> None:
    names = [tool["name"] for tool in inspector.ask(everything, "tools/list", "--strict")["tools"]]
    assert {"echo", "calculate", "test_simple_text"} <= set(names)
    echoed = inspector.ask(everything, "tools/call", "--tool-name", "echo", "--tool-arg", "text=Hello, Joe.")
    assert echoed["content"] == [{"type": "text", "text": "Hello, Joe."}]
    calculated = inspector.ask(everything, "tools/call", "--tool-name", "calculate", "--tool-arg", "expression=6 * 7")
    assert calculated["structuredContent"] == {"result": 42}


def test_it_lists_and_reads_what_else_there_is(inspector: Inspector, everything: Everything) -> None:
    prompts = inspector.ask(everything, "prompts/list")["prompts"]
    assert "test_simple_prompt" in [prompt["name"] for prompt in prompts]
    options = ["--prompt-name", "test_prompt_with_arguments", "--prompt-args", "arg1=one", "arg2=two"]
    (message,) = inspector.ask(everything, "prompts/get", *options)["messages"]
    assert message["content"]["text"] == "Prompt with arguments: arg1='one', arg2='two'"
    assert inspector.ask(everything, "resources/list")["resources"]
    (text,) = inspector.ask(everything, "resources/read", "--uri", "test://static-text")["contents"]
    assert text["text"] == "This is the content of the static text resource."
    templates = inspector.ask(everything, "resources/templates/list")["resourceTemplates"]
    assert "test://template/{id}/data" in [template["uriTemplate"] for template in templates]


def test_it_says_when_a_tool_fails_or_a_key_is_wrong(inspector: Inspector, everything: Everything) -> None:
    failed = inspector.run(everything, "tools/call", "--tool-name", "test_error_handling")
    assert "This tool intentionally returns an error for testing" in failed.stdout + failed.stderr
    refused = inspector.run(everything, "tools/list", key="wrong")
    assert refused.returncode
    assert "tools" not in refused.stdout
