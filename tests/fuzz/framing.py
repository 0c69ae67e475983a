"""A POST as one string of bytes, so that a fuzzer of bytes can change all of it and a person can read the corpus.

    2 headers: value          the first character says who sends it and how (see MODES)
    further: headers

    {"the": "body"}

`@state`, `@cursor` and `@session` stand for real ones.
"""

import json
from dataclasses import dataclass
from typing import Any

from mcp_runtime.protocol import cursors
from mcp_runtime.protocol.request_state import binding, seal
from mcp_runtime.protocol.revisions import HANDSHAKE
from mcp_runtime.protocol.served import Principal
from tests.fuzz.endpoint import PEOPLE
from tests.fuzz.invariants import Runtime

NAMED = {"resources/read": "uri", "tasks/get": "taskId", "tasks/update": "taskId", "tasks/cancel": "taskId"}
ASKING = "test_input_required_result_multi_round"
LISTS = ("tools", "prompts", "resources", "resourceTemplates")


@dataclass(frozen=True)
class Mode:
    """Whether the headers of 2026-07-28 are taken from the body, or which revision's session is named, and by whom."""

    mirrored: bool
    session: str
    principal: Principal


MODES = {
    "r": Mode(False, "", PEOPLE[0]),
    "m": Mode(True, "", PEOPLE[0]),
    "n": Mode(True, "", PEOPLE[1]),
    "o": Mode(True, "", PEOPLE[2]),
    "4": Mode(False, "2024-11-05", PEOPLE[0]),
    "3": Mode(False, "2025-03-26", PEOPLE[0]),
    "6": Mode(False, "2025-06-18", PEOPLE[0]),
    "9": Mode(False, "2025-11-25", PEOPLE[0]),
    "8": Mode(False, "2025-11-25", PEOPLE[1]),
}
_LETTERS = sorted(MODES)
_CAPABILITIES: dict[str, Any] = {"elicitation": {}, "sampling": {}, "roots": {}}


class Framing:
    """Reads such strings for one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        endpoint = runtime.endpoint
        self._sessions = {
            (version, person.id): runtime.sessions.mint(endpoint, person, version, _CAPABILITIES)
            for version in HANDSHAKE
            for person in PEOPLE
        }
        call = {"name": ASKING, "arguments": {}}
        bound_to = binding(endpoint.endpoint_id, PEOPLE[0].id, "tools/call", call)
        self._state = seal(bound_to, {"step1": {"action": "decline"}}, 1).encode()
        self._cursors = {
            name: cursors.mint(f"{endpoint.endpoint_id}/{name}", PEOPLE[0].id, "").encode() for name in LISTS
        }

    def read(self, data: bytes) -> tuple[Principal, list[tuple[bytes, bytes]], bytes]:
        """Who sends which headers and body."""
        mode = MODES[_letter(data)]
        head, _, body = data[1:].partition(b"\n\n")
        session = self._sessions.get((mode.session, mode.principal.id), b"")
        body = self._insert(body, session)
        headers = [(b"mcp-session-id", session)] if session else []
        headers += _mirrors(body) if mode.mirrored else []
        for line in self._insert(head, session).split(b"\n"):
            name, colon, value = line.partition(b":")
            if colon:
                headers.append((name.strip().lower(), value))
        return mode.principal, headers, body

    def _insert(self, text: bytes, session: bytes) -> bytes:
        if b"@" not in text:
            return text
        for name, cursor in self._cursors.items():
            text = text.replace(b"@cursor-" + name.encode(), cursor)
        return text.replace(b"@state", self._state).replace(b"@session", session)


def _letter(data: bytes) -> str:
    first = data[:1].decode("latin-1")
    return first if first in MODES else _LETTERS[(data[0] if data else 0) % len(_LETTERS)]


def _mirrors(body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers that an honest client of 2026-07-28 would send with this body."""
    try:
        message = json.loads(body)
        method, params = message["method"], message["params"]
        version = params["_meta"]["io.modelcontextprotocol/protocolVersion"]
        headers = [(b"mcp-protocol-version", version.encode()), (b"mcp-method", method.encode())]
        name = params.get(NAMED.get(method, "name"))
        return [*headers, (b"mcp-name", name.encode())] if isinstance(name, str) else headers
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
