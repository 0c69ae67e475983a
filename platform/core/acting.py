"""Who acts, for the audit log: told once where a request is let in, written down by PostgreSQL with every change."""

import json
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True)
class Acting:
    """`kind` is member, api_key, scim, client or system; `address` is the client's, `request_id` the request's."""

    kind: str = "system"
    id: str = ""
    name: str = ""
    address: str = ""
    request_id: str = ""

    def encoded(self) -> str:
        """As PostgreSQL's setting has it."""
        return json.dumps(asdict(self))


SYSTEM = Acting()
_current: ContextVar[Acting] = ContextVar("acting", default=SYSTEM)


def acting() -> Acting:
    """Who acts now: the system, unless somebody was let in."""
    return _current.get()


def act_as(kind: str, identifier: object, name: str) -> None:
    """Has what follows in this request be somebody's doing."""
    _current.set(replace(_current.get(), kind=kind, id=str(identifier), name=name))


def act_from(address: str, request_id: str) -> None:
    """Begins a request: nobody was let in yet, and it comes from there."""
    _current.set(Acting("anonymous", "", "", address, request_id))


def act_no_more() -> None:
    """Ends a request."""
    _current.set(SYSTEM)
