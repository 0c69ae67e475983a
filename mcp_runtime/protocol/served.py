"""An endpoint as the protocol serves it: compiled from a snapshot, never changed, replaced whole."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_runtime.protocol.mirrored import MirroredArgument
from mcp_runtime.schemas import Validator
from mcp_runtime.snapshots.structs import ToolSnapshot
from mcp_runtime.sources.contract import ToolHandler

if TYPE_CHECKING:
    from mcp_runtime.protocol.wire import Wire


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `tools` limits what they see and call; `expires_at` is in seconds since the epoch; None: no limit."""

    id: str
    expires_at: float | None = None
    tools: frozenset[str] | None = None

    def may_use(self, tool_name: str) -> bool:
        """Whether the principal may see and call the tool."""
        return self.tools is None or tool_name in self.tools


ANONYMOUS = Principal("anonymous")


@dataclass(frozen=True, slots=True, eq=False)
class ServedTool:
    """A tool that can be called. `seconds` is how long a call may take."""

    snapshot: ToolSnapshot
    handler: ToolHandler
    validator: Validator
    output_validator: Validator | None
    mirrored: tuple[MirroredArgument, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class UnavailableTool:
    """A tool that cannot be called, named in lists so that its absence has a reason."""

    name: str
    reason: str


@dataclass(slots=True, eq=False)
class ServedEndpoint:
    """`tools` is in order of name; `principals` is by the SHA-256 digest of the key; `wires` fills on first use."""

    tenant_id: str
    endpoint_id: str
    slug: str
    name: str
    version: int
    instructions: str
    is_open: bool
    allowed_origins: frozenset[bytes]
    tools: dict[str, ServedTool]
    unavailable: tuple[UnavailableTool, ...]
    principals: dict[bytes, Principal]
    wires: "dict[str, Wire]" = field(default_factory=dict)

    def tool_for(self, principal: Principal, name: str) -> ServedTool | None:
        """The tool `name`, if there is one and `principal` may call it."""
        if principal.tools is not None and name not in principal.tools:
            return None
        return self.tools.get(name)
