"""Row level security and tenant-bound foreign keys, declared in `Meta.constraints` and carried by migrations.

`makemigrations` folds a new model's constraints into `CreateModel`, which asks only for `constraint_sql()`: a
constraint that is a statement of its own would silently be skipped. So `constraint_sql` queues it as deferred SQL.
"""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BaseConstraint, Model

from core.tenancy import PERSON_SETTING, TENANT_SETTING


def setting_sql(setting: str) -> str:
    """SQL for a transaction-local setting as uuid; unset reads as NULL, and so matches no row."""
    return f"NULLIF(current_setting('{setting}', true), '')::uuid"


class StatementConstraint(BaseConstraint):
    """A constraint that PostgreSQL takes as a statement of its own, after the table is there."""

    def _create(self, table: str) -> str:
        raise NotImplementedError

    def _remove(self, table: str) -> str:
        raise NotImplementedError

    def constraint_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert model is not None  # noqa: S101  Django passes both when it creates a table
        assert schema_editor is not None  # noqa: S101
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))
        return None  # type: ignore[return-value]  # Django filters None out; the stubs do not know

    def create_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        return self._create(_table(model))

    def remove_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        return self._remove(_table(model))

    def validate(
        self,
        model: type[Model],
        instance: Model,
        exclude: Any = None,
        using: str = "default",
    ) -> None:
        """Nothing to validate in Python: PostgreSQL does."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.deconstruct() == other.deconstruct()

    __hash__ = BaseConstraint.__hash__


class TenantIsolation(StatementConstraint):
    """Enables and forces row level security: the rows of the tenant in context, and no others.

    `column` holds the tenant's id. `person_sql`, when given, is a condition under which the person in context may
    read (never write) a row outside its tenant: their own memberships, for one. `{person}` in it is the person's id.
    """

    def __init__(self, *, name: str, column: str = "tenant_id", person_sql: str = "") -> None:
        super().__init__(name=name)
        self.column = column
        self.person_sql = person_sql

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "column": self.column, "person_sql": self.person_sql}

    def _create(self, table: str) -> str:
        own = f'"{self.column}" = {setting_sql(TENANT_SETTING)}'
        statements = [
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY',
            f'CREATE POLICY "{self.name}" ON "{table}" USING ({own}) WITH CHECK ({own})',
        ]
        if self.person_sql:
            condition = self.person_sql.format(person=setting_sql(PERSON_SETTING))
            statements.append(f'CREATE POLICY "{self.name}_person" ON "{table}" FOR SELECT USING ({condition})')
        return "; ".join(statements)

    def _remove(self, table: str) -> str:
        return (
            f'DROP POLICY IF EXISTS "{self.name}_person" ON "{table}"; DROP POLICY "{self.name}" ON "{table}"; '
            f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY; ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY'
        )


class AnyTenantInserts(StatementConstraint):
    """Beside TenantIsolation: rows of any tenant may be inserted, without a tenant in context.

    For tables that one process fills for all tenants at once. Reading, changing and deleting stay isolated.
    """

    def _create(self, table: str) -> str:
        return f'CREATE POLICY "{self.name}" ON "{table}" FOR INSERT WITH CHECK (true)'

    def _remove(self, table: str) -> str:
        return f'DROP POLICY "{self.name}" ON "{table}"'


class TenantForeignKey(StatementConstraint):
    """A foreign key on `(tenant_id, column)`: a plain one bypasses row level security.

    The Django field beside it is declared with `db_constraint=False`; `to_table` has a unique `(tenant_id, id)`.
    """

    def __init__(self, *, name: str, column: str, to_table: str) -> None:
        super().__init__(name=name)
        self.column = column
        self.to_table = to_table

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "column": self.column, "to_table": self.to_table}

    def _create(self, table: str) -> str:
        return (
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{self.name}" FOREIGN KEY ("tenant_id", "{self.column}") '
            f'REFERENCES "{self.to_table}" ("tenant_id", "id") DEFERRABLE INITIALLY DEFERRED'
        )

    def _remove(self, table: str) -> str:
        return f'ALTER TABLE "{table}" DROP CONSTRAINT "{self.name}"'


def _table(model: type[Model] | None) -> str:
    assert model is not None  # noqa: S101  Django always passes the model here
    return model._meta.db_table
