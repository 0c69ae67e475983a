"""Trace context that a caller sends in `_meta` (2026-07-28, basic, "OpenTelemetry trace context"; SEP-414).

What is not well-formed is left out: a broken trace is no reason to refuse a call (W3C Trace Context section 3.2.2.3).
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

MAXIMUM_TRACESTATE = 512  # section 3.3.1.5: what has to be passed on at least
MAXIMUM_MEMBERS = 32  # section 3.3.1.1
MAXIMUM_BAGGAGE = 8_192  # W3C Baggage section 3.3.2

# Section 3.2. A later version may have more fields after these.
_PARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-[!-~]*)?"
)
_STATE_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_BAGGAGE_MEMBER = re.compile(
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[ \t]*[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*(?:[ \t]*;[ -~]*)?"
)


class TraceContext(msgspec.Struct, frozen=True):
    """Well-formed values, empty where there is none. `baggage` is what the caller says: never decide by it."""

    traceparent: str
    tracestate: str = ""
    baggage: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What a service that is called on the caller's behalf hears: the trace, and never the baggage."""
        if not self.traceparent:
            return {}
        return {"Traceparent": self.traceparent} | ({"Tracestate": self.tracestate} if self.tracestate else {})


def read_trace(meta: object) -> TraceContext | None:
    """The trace context in a request's `_meta`; None where there is none, as in nearly all."""
    if type(meta) is not dict or ("traceparent" not in meta and "baggage" not in meta):
        return None
    parent = _well_formed(meta, "traceparent", _is_parent)
    # Without a valid parent the state belongs to nothing (section 3.3.1.6).
    state = _well_formed(meta, "tracestate", _is_state) if parent else ""
    baggage = _well_formed(meta, "baggage", _is_baggage)
    return TraceContext(parent, state, baggage) if parent or baggage else None


def _well_formed(meta: dict[str, Any], name: str, is_well_formed: Callable[[str], bool]) -> str:
    value = meta.get(name)
    return value if isinstance(value, str) and is_well_formed(value) else ""


def _is_parent(text: str) -> bool:
    found = _PARENT.fullmatch(text) if len(text) <= MAXIMUM_TRACESTATE else None
    if found is None or found["version"] == "ff" or (found["more"] and found["version"] == "00"):
        return False
    return found["trace"].strip("0") != "" and found["parent"].strip("0") != ""


def _is_state(text: str) -> bool:
    members = [member.strip(" \t") for member in text.split(",")]
    keys = [member.partition("=")[0] for member in members if member]
    return (
        len(text) <= MAXIMUM_TRACESTATE
        and len(keys) <= MAXIMUM_MEMBERS
        and len(keys) == len(set(keys))
        and all(_STATE_MEMBER.fullmatch(member) for member in members if member)
    )


def _is_baggage(text: str) -> bool:
    return len(text) <= MAXIMUM_BAGGAGE and all(
        _BAGGAGE_MEMBER.fullmatch(member.strip(" \t")) for member in text.split(",")
    )
