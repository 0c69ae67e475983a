"""The only door to a tenant's rows: a transaction that tells PostgreSQL whose rows they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction

from core.acting import acting

TENANT_SETTING = "app.tenant_id"
PERSON_SETTING = "app.person_id"
# Who acts, for the audit log: `core.acting.Acting` as JSON.
ACTOR_SETTING = "app.actor"
_ENTER = "SELECT set_config(%s, %s, true), set_config(%s, %s, true)"


@contextmanager
def tenant_context(tenant_id: UUID) -> Iterator[None]:
    """Opens a transaction in which row level security shows exactly the rows of `tenant_id`.

    Durable, because a local setting made inside a savepoint outlives it: nesting raises RuntimeError.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(_ENTER, [TENANT_SETTING, str(tenant_id), ACTOR_SETTING, acting().encoded()])
        yield


@contextmanager
def person_context(user_id: UUID) -> Iterator[None]:
    """Opens a transaction in which a person may read their own memberships, and the tenants these name."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, true)", [PERSON_SETTING, str(user_id)])
        yield
