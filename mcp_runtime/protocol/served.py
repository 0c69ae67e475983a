"""An endpoint as the protocol serves it: compiled from a snapshot, never changed, replaced whole."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_runtime.authorization.gates import NO_GATE, ServedGate
from mcp_runtime.authorization.people import People
from mcp_runtime.authorization.tool_rules import Roster, Rules, member_tools
from mcp_runtime.protocol.mirrored import MirroredArgument
from mcp_runtime.schemas import Validator
from mcp_runtime.snapshots.structs import PromptSnapshot, ResourceSnapshot, ToolSnapshot
from mcp_runtime.sources.contract import CompiledPrompt, CompiledResource, ToolHandler
from mcp_runtime.uris import Match
from tenants.authorization.gate import OWN
from tenants.authorization.trusted import Said

if TYPE_CHECKING:
    from mcp_runtime.protocol.wire import Wire
    from mcp_runtime.upstreams.served import ServedUpstream


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `tools` limits what they see and call, `calls_per_minute` how often; None: no limit.

    `expires_at` and `issued_at` are in seconds since the epoch. Of an access token there are its `scopes`, the
    `subjects` by which it may be cut off, the `resource` that it was issued for, and the thumbprint of the key that it
    is `bound_to`, of which every request brings a proof; empty: whoever bears it may use it. `said` is what a token of
    an issuer that the tenant trusts said.
    """

    id: str
    expires_at: float | None = None
    tools: frozenset[str] | None = None
    calls_per_minute: int | None = None
    scopes: frozenset[str] | None = None
    subjects: tuple[str, ...] = ()
    issued_at: float = 0
    resource: str = ""
    bound_to: str = ""
    said: Said | None = None

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


@dataclass(frozen=True, slots=True, eq=False)
class ServedPrompt:
    """A prompt that can be got. `required` names the arguments that it needs."""

    snapshot: PromptSnapshot
    compiled: CompiledPrompt
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ServedResource:
    """A resource that can be read; `match` finds a template's variables in a URI, and is None for a single one."""

    snapshot: ResourceSnapshot
    compiled: CompiledResource
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class SkillFile:
    """A file of a skill: `digest` and `size` in bytes are of what reading it returns."""

    uri: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class ServedSkill:
    """A skill, by the URI of its SKILL.md. `files` is None where they are not known beforehand."""

    uri: str
    frontmatter: dict[str, Any]
    files: tuple[SkillFile, ...] | None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A tool, prompt, resource or skill that cannot be served, named in lists so that its absence has a reason."""

    name: str
    reason: str


@dataclass(slots=True, eq=False)
class ServedEndpoint:
    """What is offered is in order of name; `principals` is by the SHA-256 digest of the key; `wires` fills on use.

    `folders` maps each folder of the skill:// space to what is directly in it.
    """

    tenant_id: str
    endpoint_id: str
    slug: str
    name: str
    version: int
    instructions: str
    is_open: bool
    allowed_origins: frozenset[bytes]
    tools: dict[str, ServedTool]
    unavailable: tuple[Unavailable, ...]
    principals: dict[bytes, Principal]
    prompts: dict[str, ServedPrompt] = field(default_factory=dict)
    resources: dict[str, ServedResource] = field(default_factory=dict)
    templates: dict[str, ServedResource] = field(default_factory=dict)
    unavailable_prompts: tuple[Unavailable, ...] = ()
    unavailable_resources: tuple[Unavailable, ...] = ()
    skills: dict[str, ServedSkill] = field(default_factory=dict)
    unavailable_skills: tuple[Unavailable, ...] = ()
    folders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    description: str = ""
    website_url: str = ""
    icons: tuple[dict[str, Any], ...] = ()
    upstreams: "dict[str, ServedUpstream]" = field(default_factory=dict)  # by id
    # What lists say of the upstreams that are not well.
    notes: tuple[dict[str, Any], ...] = ()
    # What lists say of an endpoint that was stopped.
    stopped: dict[str, Any] | None = None
    is_listed: bool = False
    gate: ServedGate = NO_GATE
    # Whether access tokens have to be bound to a key.
    requires_proof: bool = False
    # Whose access tokens are taken: `own`, `trusted` or `both`.
    logins: str = OWN
    # Members by what issuers that are trusted know them by.
    people: People = field(default_factory=dict)
    # Which tools the members of groups may use; None: every member all of them. Who is in these groups.
    rules: Rules | None = None
    roster: Roster = field(default_factory=dict)
    # Tools that say where to repair an upstream: who may use some may use these.
    connecting: frozenset[str] = frozenset()
    # Who presented an access token, by its digest, as long as endpoint and gate stay what they are.
    admitted: dict[bytes, Principal] = field(default_factory=dict)
    wires: "dict[str, Wire]" = field(default_factory=dict)

    def tool_for(self, principal: Principal, name: str) -> ServedTool | None:
        """The tool `name`, if there is one and `principal` may call it."""
        if principal.tools is not None and name not in principal.tools:
            return None
        return self.tools.get(name)

    def tools_of_member(self, member: str, groups: frozenset[str] = frozenset()) -> frozenset[str] | None:
        """The tools that somebody (`member:<user id>`, `client:<client_id>`, `external:…`) may see and call; None: all.

        `groups` are those that they are in by what their token says, beside those of the roster.
        """
        if self.rules is None:
            return None
        names = [*self.tools, *(item.name for item in self.unavailable)]
        tools = member_tools(member, self.rules, self.roster, names=names, is_open=self.is_open, groups=groups)
        return None if tools is None else tools | self.connecting

    def resource_at(self, principal: Principal, uri: str) -> tuple[ServedResource, dict[str, str]] | None:
        """The resource at `uri` and its template's variables, if the principal may read it.

        A principal limited to certain tools reads none: what they hold is not part of what it was given.
        """
        if principal.tools is not None:
            return None
        single = self.resources.get(uri)
        if single is not None:
            return single, {}
        for template in self.templates.values():
            variables = template.match(uri) if template.match else None
            if variables is not None:
                return template, variables
        return None
