"""The facts of the demo, in `quickstart.json`: for scripts, and for the next start."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.machine.state import State
from config.problems import Problem
from core import environment

FILE = "quickstart.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """Where everything is, and who may enter."""

    console_url: str
    ops_url: str
    tenant: str
    endpoint: str
    mcp_url: str
    conformance_url: str
    api_key: str
    email: str
    password: str

    @classmethod
    def read(cls, folder: Path) -> "Facts | None":
        """The facts that were written last; None when there are none, or none that are whole."""
        try:
            return cls(**State(folder).read(FILE))
        except (TypeError, Problem):
            return None

    def write(self, folder: Path) -> None:
        """Keeps the facts, readable to us alone."""
        State(folder).write(FILE, asdict(self))

    @property
    def mcp_path(self) -> str:
        """The endpoint's path at the runtime."""
        return urlsplit(self.mcp_url).path


def present_addresses() -> dict[str, str]:
    """What the environment says of where console and operations listener are now."""
    return {"console_url": environment.text("CONSOLE_URL"), "ops_url": environment.text("OPS_URL")}


def encoded(content: dict[str, object]) -> str:
    """JSON as people paste it."""
    return json.dumps(content, separators=(",", ":"))
