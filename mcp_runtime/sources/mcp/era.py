"""What a way of speaking to a server has in common, whichever it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_runtime.sources.mcp.messages import broken, printable
from mcp_runtime.sources.mcp.requests import Caller, Request

MAXIMUM_INSTRUCTIONS = 64 * 1024

# Is told of a list that changed: "tools", "prompts" or "resources".
type Changed = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ear:
    """What becomes of what is heard: `opened` is called when hearing begins, `updated` with a resource's URI."""

    opened: Callable[[], None]
    changed: Changed
    updated: Callable[[str], None]


class NothingToHear(Exception):
    """The server has no way to tell of what is wanted."""


@dataclass(frozen=True, slots=True)
class About:
    """What a server says of itself."""

    version: str
    capabilities: dict[str, Any] = field(default_factory=dict)
    instructions: str = ""

    def offers(self, capability: str) -> bool:
        """Whether it declares a capability, such as "tools"."""
        return type(self.capabilities.get(capability)) is dict

    def setting(self, capability: str, name: str) -> bool:
        """Whether a capability is declared with this setting on."""
        settings = self.capabilities.get(capability)
        return type(settings) is dict and settings.get(name) is True


class Era(Protocol):
    """A server spoken to in one of the ways that there are."""

    async def about(self, caller: Caller) -> About:
        """What the server says of itself now. Raises UpstreamFailed, Answered and EraChanged."""

    async def request(self, request: Request, caller: Caller) -> dict[str, Any]:
        """The result. Raises Answered, UpstreamFailed, EraChanged, and whatever asking the client raises."""

    async def listen(self, about: About, uris: frozenset[str], ear: Ear) -> None:
        """Hears of changes of lists and of resources until the server ends that.

        Raises UpstreamFailed, Answered, NothingToHear.
        """

    async def close(self) -> None:
        """Ends what is open."""


def read_about(version: str, result: dict[str, Any]) -> About:
    """What initialize or server/discover answered. Raises UpstreamFailed."""
    capabilities, instructions = result.get("capabilities"), result.get("instructions", "")
    if type(capabilities) is not dict:
        raise broken("The server does not say what it can do.")
    if type(instructions) is not str:
        raise broken("The server's instructions are not a text.")
    return About(version, capabilities, instructions[:MAXIMUM_INSTRUCTIONS])


def unknown_version(version: Any) -> Exception:
    """The failure of a server that speaks no revision of ours."""
    return broken(f"The server speaks MCP {printable(version, 40)}, which this client does not.")
