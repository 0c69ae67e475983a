"""Writing down what changes no row of its own: decisions, and acts on many things at once."""

import json
from collections.abc import Sequence

from django.db import connection

MAXIMUM_CHARACTERS = 300
type Change = tuple[str, str | None, str | None]


def audit_note(*, action: str, kind: str, target: object = "", name: str = "", changes: Sequence[Change] = ()) -> None:
    """Adds an event to the chain of the tenant in context; it stands when the transaction commits.

    `action` is `<kind>.<what happened>`; `changes` are (what, before, after), which are cut at 300 characters.
    """
    told = [[what, _cut(before), _cut(after)] for what, before, after in sorted(changes, key=lambda change: change[0])]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tenants_audit_append(%s, %s, %s, %s, %s::jsonb)",
            [action, kind, _cut(str(target)), _cut(name), json.dumps(told)],
        )


def _cut(value: str | None) -> str | None:
    # PostgreSQL's texts hold no null character, and an attempt to write one must not keep an event from the log.
    return None if value is None else value.replace("\0", "\N{REPLACEMENT CHARACTER}")[:MAXIMUM_CHARACTERS]
