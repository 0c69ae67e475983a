"""Tables whose every change is written to the audit log, declared in `Meta.constraints`.

A trigger does it, so that no way of changing a row is forgotten, and none can change it without the log: both commit
together. It runs at the end of the transaction (DEFERRED), when no more locks will be asked for, since the log of a
tenant is one chain and so one lock. The function that it calls comes with the migrations of `tenants`.
"""

from typing import Any

from core.rls import StatementConstraint

# Columns that say nothing of what somebody did, whatever the table.
_NEVER_TOLD = ("updated_at", "last_used_at")
_NEVER_SHOWN = ("sealed", "digest", "token_digest", "secrets", "password", "document")


class Audited(StatementConstraint):
    """`noun` is what a row is called, `title` the column that names one.

    Changes of `ignore` columns are not told; of `redact` columns it is told that they changed, and not to what. With
    `within` (a column, and the table it refers to) rows that go together with what they belong to are not told singly,
    and with `unless` those are not told at all for which that column says what they were made of.
    Where `of` names columns, nothing is looked at when others change: for rows that are large or change by themselves.
    """

    def __init__(
        self,
        *,
        name: str,
        noun: str,
        title: str = "name",
        ignore: tuple[str, ...] = (),
        redact: tuple[str, ...] = (),
        within: tuple[str, str] = ("", ""),
        unless: str = "",
        of: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name=name)
        self.noun = noun
        self.title = title
        self.ignore = tuple(ignore)
        self.redact = tuple(redact)
        self.within = (within[0], within[1])
        self.unless = unless
        self.of = tuple(of)

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        told = {"noun": self.noun, "title": self.title, "ignore": self.ignore, "redact": self.redact}
        return path, tuple(args), {**kwargs, **told, "within": self.within, "unless": self.unless, "of": self.of}

    def _create(self, table: str) -> str:
        ignored, redacted = ",".join((*_NEVER_TOLD, *self.ignore)), ",".join((*_NEVER_SHOWN, *self.redact))
        changes = f"UPDATE OF {', '.join(self.of)}" if self.of else "UPDATE"
        words = ", ".join(f"'{word}'" for word in (self.noun, self.title, ignored, redacted, *self.within, self.unless))
        return (
            f'CREATE CONSTRAINT TRIGGER "{self.name}" AFTER INSERT OR {changes} OR DELETE ON "{table}" '
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tenants_audit_change({words})"
        )

    def _remove(self, table: str) -> str:
        return f'DROP TRIGGER "{self.name}" ON "{table}"'
