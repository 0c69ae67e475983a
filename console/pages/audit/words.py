"""Events of the audit log in words that people read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tenants.models import AuditEvent, Membership

# What somebody did, before what they did it to.
_VERBS = {"created": "made", "began": "signed in", "ended": "signed out"}
# Of these the verb says it all, or the name of the target does.
_SENTENCES = {
    "access.refused": "was refused",
    "audit.exported": "exported the audit log as",
    "authenticator.added": "added a second step to sign-in",
    "authenticator.removed": "removed a second step from sign-in",
    "authenticator.reset": "made new recovery codes",
    "definition.approved": "approved what is offered by source",
    "definition.served": "served what is offered by source",
    "definition.withdrawn": "withdrew what is offered by source",
    "definition.curated": "changed what is offered by source",
    "password.changed": "changed their password",
    "password.reset": "reset their password",
    "session.began": "signed in",
    "session.ended": "signed out",
}
_ACTORS = {
    "anonymous": "Somebody who was not signed in",
    "api_key": "API key",
    "client": "Client",
    "scim": "SCIM",
    "system": "The system",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One column. Where both are None it is only known that it changed."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """One event: `who` did `what` to `name`."""

    sequence: int
    at: datetime
    who: str
    how: str
    what: str
    name: str
    address: str
    request_id: str
    changes: list[Change]


def told(events: Iterable[AuditEvent]) -> list[Told]:
    """The events in words. Runs inside the tenant's context, whose members it names by their addresses."""
    events = list(events)
    members = _members(events)
    return [_told(event, members) for event in events]


def kind_in_words(kind: str) -> str:
    """`access_key` as `Access key`."""
    return "API key" if kind == "api_key" else kind.replace("_", " ").capitalize()


def _told(event: AuditEvent, members: Mapping[str, str]) -> Told:
    return Told(
        sequence=event.sequence,
        at=event.at,
        who=event.actor_name or _ACTORS.get(event.actor_kind, event.actor_kind),
        how="" if event.actor_kind == "member" or not event.actor_name else _ACTORS.get(event.actor_kind, ""),
        what=_SENTENCES.get(event.action) or _sentence(event),
        name="" if event.target_name == event.actor_name else members.get(event.target_name, event.target_name),
        address=event.address,
        request_id=event.request_id,
        changes=[Change(name.replace("_", " "), before, after) for name, before, after in event.changes],
    )


def _sentence(event: AuditEvent) -> str:
    did = event.action.rpartition(".")[2]
    return f"{_VERBS.get(did, did.replace('_', ' '))} {event.target_kind.replace('_', ' ')}"


def _members(events: Iterable[AuditEvent]) -> dict[str, str]:
    """Addresses by the ids that the log names members with; those who left are not among them."""
    ids = {event.target_name for event in events if event.target_kind == "member" and _is_uuid(event.target_name)}
    rows = Membership.objects.filter(user_id__in=ids).values_list("user_id", "user__email")
    return {str(user_id): email for user_id, email in rows}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
