"""Messages that are well-formed, or nearly, made from the inside by hypothesis: each revision, each caller."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mcp_runtime.protocol.revisions import HANDSHAKE
from mcp_runtime.uris import InvalidUri, matcher
from tests.fuzz.framing import Framing
from tests.fuzz.invariants import Broken, Runtime, check_decoder
from tests.fuzz.keeping import STATUSES
from tests.fuzz.vocabulary import HEADERS, MEMBERS, META, METHODS, NAMES, SCALARS, URIS, VERSIONS, WORDS

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALARS = st.sampled_from(SCALARS) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
_MEMBERS = st.sampled_from(MEMBERS) | _TEXT
VALUES = st.recursive(
    _SCALARS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(_MEMBERS, children, max_size=4),
    max_leaves=8,
)
IDENTIFIERS = st.sampled_from([1, 0, -1, "", "1", 'é"\\', 2**53]) | st.integers() | VALUES
_CURSORS = (
    st.sampled_from(["@cursor-tools", "@cursor-prompts", "@cursor-resources", "@cursor-tools.", "", "."]) | VALUES
)
_STATES = st.sampled_from(["@state", "@statex", "x@state", ""]) | VALUES
_ANSWERS = st.dictionaries(
    st.sampled_from(["step1", "step2", "user_name", "greeting", "client_roots", "x"]),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("action", "content", "role", "roots"), VALUES)) | VALUES,
    max_size=3,
)
_META = st.fixed_dictionaries(
    {},
    optional={
        "progressToken": VALUES,
        "io.modelcontextprotocol/logLevel": st.sampled_from(["debug", "alert", "loud"]) | VALUES,
        "io.modelcontextprotocol/protocolVersion": st.sampled_from(VERSIONS) | VALUES,
        "io.modelcontextprotocol/clientCapabilities": VALUES,
        "traceparent": VALUES,
    },
).map(lambda changed: {**META, **changed})
_PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "_meta": _META | VALUES,
        "name": st.sampled_from(NAMES) | VALUES,
        "uri": st.sampled_from(URIS) | VALUES,
        "arguments": VALUES,
        "cursor": _CURSORS,
        "taskId": st.sampled_from(STATUSES) | VALUES,
        "task": VALUES,
        "level": st.sampled_from(["debug", "loud"]) | VALUES,
        "ref": st.fixed_dictionaries(
            {"type": st.sampled_from(["ref/prompt", "ref/resource"])},
            optional={"name": st.sampled_from(NAMES) | VALUES, "uri": st.sampled_from(URIS) | VALUES},
        )
        | VALUES,
        "argument": st.fixed_dictionaries({"name": VALUES, "value": VALUES}) | VALUES,
        "context": VALUES,
        "requestState": _STATES,
        "inputResponses": _ANSWERS | VALUES,
        "notifications": st.fixed_dictionaries(
            {}, optional={"toolsListChanged": VALUES, "resourceSubscriptions": VALUES}
        ),
        "protocolVersion": st.sampled_from(VERSIONS) | VALUES,
        "capabilities": VALUES,
        "clientInfo": VALUES,
        "requestId": IDENTIFIERS,
    },
)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(METHODS)},
    optional={"id": IDENTIFIERS, "params": _PARAMS.map(lambda params: {"_meta": META, **params}) | VALUES},
)
_BODIES = st.one_of(MESSAGES, MESSAGES, VALUES, st.lists(MESSAGES | VALUES, max_size=4)).map(
    lambda value: json.dumps(value).encode()
)
_HEADERS = st.lists(
    st.tuples(st.sampled_from(HEADERS), st.sampled_from([*VERSIONS, *METHODS, *NAMES, *WORDS]) | _TEXT), max_size=4
).map(lambda pairs: "".join(f"\n{name}:{value}" for name, value in pairs).encode("utf-8", "replace"))
POSTS = st.builds(lambda mode, head, body: mode + head + b"\n\n" + body, st.sampled_from(
    [b"m", b"m", b"n", b"o", b"4", b"3", b"6", b"9", b"8", b"r"]), _HEADERS, _BODIES)  # fmt: skip
TOKENS = st.binary(max_size=80) | st.text(st.characters(codec="ascii"), max_size=200).map(str.encode)
_PIECES = st.sampled_from(["{a}", "{+b}", "{c}", "{+d}", "{e}", "-", "/", "ab", "a", "%41", ".", "?"])
TEMPLATES = st.lists(_PIECES, min_size=1, max_size=8).map(lambda pieces: "x:" + "".join(pieces))
PLACES = st.text(st.sampled_from("aab-/.%4 1?é{}"), max_size=40).map(lambda text: "x:" + text)
_EXPRESSION = re.compile(r"\{\+?(\w)\}")


@dataclass
class Structured:
    """Each of these is a check for hypothesis to run; `count` is how many inputs it has made."""

    runtime: Runtime
    count: int = 0
    framing: Framing = field(init=False)

    def __post_init__(self) -> None:
        self.framing = Framing(self.runtime)

    def posts(self, data: bytes) -> None:
        """A POST breaks no invariant, and neither does its body alone."""
        self.count += 1
        principal, headers, body = self.framing.read(data)
        self.runtime.check(principal, headers, body)
        check_decoder(body)

    def tokens(self, token: bytes) -> None:
        """No session is made up, however its token looks."""
        self.count += 1
        for version in HANDSHAKE:
            headers = [(b"mcp-session-id", token), (b"mcp-protocol-version", version.encode())]
            reply = self.runtime.check(self.framing.read(b"9")[0], headers, b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
            if reply is None or reply.status not in (400, 404):
                raise Broken(f"a session was made up: {reply}")

    def templates(self, pair: tuple[str, str]) -> None:
        """What a template finds in a URI, put back into it, is that URI."""
        self.count += 1
        template, uri = pair
        try:
            found = matcher(template)(uri)
        except InvalidUri:
            return
        if found is not None and "%" not in uri and _EXPRESSION.sub(lambda name: found[name[1]], template) != uri:
            raise Broken(f"{pair}: found {found}")


def run(checks: Structured, examples: int, number: int | None) -> None:
    """Runs every check on so many examples of its kind; `number` seeds them. Raises what a check raises."""
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    for check, inputs in (
        (checks.posts, POSTS),
        (checks.tokens, TOKENS),
        (checks.templates, st.tuples(TEMPLATES, PLACES)),
    ):
        prepared = chosen(given(inputs)(_plain(check)))
        (prepared if number is None else seed(number)(prepared))()


def _plain(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """A function, which a bound method is not and hypothesis wants."""

    def plain(value: Any) -> None:
        check(value)

    return plain
