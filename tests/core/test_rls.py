"""Isolation is in the database: every model is asked for, and so is PostgreSQL itself."""

import uuid

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connection
from django.db.models import Model
from django.utils import timezone

from billing.ledger.partitions import partitions_make
from core.tenancy import person_context, tenant_context
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.endpoints import endpoint_create
from tenants.models import Membership, Tenant
from tests.conftest import Cast, unique

# Tables without row security, each with the reason why it may have none.
GLOBAL = {
    "tenants_user": "a person may belong to several tenants",
    "tenants_tenantslug": "read before it is known whose rows to show; holds a slug and an id",
    "tenants_hostholder": "workers are asked for a host before it is known whose; holds that and two ids",
    "tenants_ssodomainholder": "signing in begins with an address's domain; holds that and an id",
    "mcp_runtime_taskschedule": "says what is due whoever's it is; holds ids and times",
    "mcp_runtime_importschedule": "says which imports somebody has to perform; holds ids and times",
    "mcp_runtime_upstreamschedule": "says which upstream is to be probed when; holds ids and times",
    "mcp_runtime_alertdue": "says which alerts wait, whoever's; holds ids and times",
    "mcp_runtime_connectionlease": "renewed by a worker whoever's it is; holds ids, counts and times",
    "mcp_runtime_requestbudget": "a bucket for each tenant; holds ids, counts and times",
    "mcp_runtime_callbudget": "a bucket for each limited key and tool; holds ids, counts and times",
    "billing_stripeevent": "stored before it is known whose it is; deleted after 30 days",
    "billing_stripecursor": "up to when events were listed; nobody's",
    "billing_stripecustomer": "events name a customer before it is known whose it is; holds ids, counts and times",
    "billing_usagereportdue": "says which reports of calls wait, whoever's; holds ids and times",
    "billing_connectedaccount": "events name an account before it is known whose it is; holds ids, counts and times",
    "billing_purchasedue": "says what waits to follow of which purchase, whoever's; holds ids and times",
    "billing_purchasereportdue": "says which reports of calls wait, whoever's; holds ids and times",
    "billing_planversion": "what is sold to anybody",
    "billing_entitlementdue": "says whose trial or contract ends when, whoever's; holds ids and times",
    "billing_usagedue": "says which hours have to be summed, whoever's; holds ids and times",
    "billing_uptimewatch": "says whose endpoints are looked at and whose months wait, whoever's; holds ids and times",
    "billing_uptimedue": "says which minutes got calls, whoever's; holds ids and times",
    "billing_usagewatermark": "how far a worker's journal was shipped; nothing of any tenant",
    "tenants_tenantpurgedue": "says which tenant goes when, whoever's; holds ids and times",
    "tenants_issuerwatch": "says which issuer's keys are looked at when, whoever's; holds ids, times and a digest",
    "tenants_deprovisiondue": "says whom a second look is taken at when, whoever's; holds ids and times",
    "tenants_knowndevice": "a person's browsers, in whichever tenants they are; holds digests and times",
    "tenants_auditdue": "says which webhooks are to be looked after, whoever's; holds ids and times",
    "tenants_revocationdue": "says which revocations wait, whoever's; holds ids and times",
    "auth_group": "unused; part of django.contrib.auth",
    "auth_group_permissions": "unused; part of django.contrib.auth",
    "auth_permission": "unused; part of django.contrib.auth",
    "django_content_type": "a list of models",
    "django_session": "read before it is known who asks; the key is a secret",
    "account_emailaddress": "belongs to a person",
    "account_emailconfirmation": "belongs to a person",
    "mfa_authenticator": "belongs to a person",
    "usersessions_usersession": "belongs to a person",
}

# Policies beside the one that isolates, each with the reason why it opens what it opens.
OPENINGS = {
    ("tenants_tenant", "SELECT"): "a person reads the tenants that their own memberships name",
    ("tenants_membership", "SELECT"): "a person reads their own memberships",
    ("billing_usageevent", "INSERT"): "workers ship the calls of all tenants at once, and read none",
}

MODELS = apps.get_models(include_auto_created=True)


def _tenant_column(model: type[Model]) -> str:
    return "id" if model is Tenant else "tenant_id"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_table_has_forced_row_security_or_a_reason_not_to(model: type[Model]) -> None:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [table])
        secured = cursor.fetchone()
        cursor.execute("SELECT qual, with_check FROM pg_policies WHERE tablename = %s AND cmd = 'ALL'", [table])
        policies = cursor.fetchall()
    if table in GLOBAL:
        assert secured == (False, False)
        return
    assert secured == (True, True)
    expected = f"({_tenant_column(model)} = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)"
    assert policies == [(expected, expected)]


def test_no_table_in_the_database_is_unknown_to_the_models() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = {row[0] for row in cursor.fetchall()} - set(_partitions())
    assert tables == {model._meta.db_table for model in MODELS} | {"django_migrations"}


def test_no_policy_opens_what_has_no_reason_to_be_open() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename, cmd FROM pg_policies WHERE cmd <> 'ALL'")
        assert set(cursor.fetchall()) == OPENINGS.keys()


def _partitions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        return [row[0] for row in cursor.fetchall()]


def test_no_partition_is_reachable_around_its_table() -> None:
    partitions_make(timezone.now().date(), days=1)
    names = _partitions()
    assert names
    for name in names:
        with connection.cursor() as cursor:
            cursor.execute("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = %s", [name])
            assert cursor.fetchone() == (True, True)
            cursor.execute("SELECT count(*) FROM pg_policies WHERE tablename = %s", [name])
            assert cursor.fetchone() == (0,)
        for statement in ("SELECT * FROM {}", "DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES", "TRUNCATE {}"):
            with pytest.raises(DatabaseError) as refusal, connection.cursor() as cursor:
                cursor.execute(statement.format(name))
            assert isinstance(refusal.value.__cause__, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize(
    "model", [model for model in MODELS if model._meta.db_table not in GLOBAL], ids=lambda model: model._meta.label
)
def test_every_index_of_a_tenants_table_starts_with_the_tenant(model: type[Model]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE i.indrelid = %s::regclass AND NOT i.indisprimary",
            [model._meta.db_table],
        )
        leading = {row[0] for row in cursor.fetchall()}
    # Two ways in that do not know the tenant yet: a tenant by its slug, the memberships of a person.
    assert leading <= {"tenant_id", "user_id", "slug" if model is Tenant else "tenant_id"}
    foreign = [
        field for field in model._meta.get_fields() if field.many_to_one and field.name not in ("tenant", "user")
    ]
    for field in foreign:
        related = field.related_model
        assert isinstance(related, type)
        assert related._meta.db_table in GLOBAL or not field.db_constraint  # type: ignore[union-attr]


def test_the_application_role_is_neither_owner_nor_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False, False)
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        assert cursor.fetchone() == (0,)


def test_without_a_context_there_are_no_rows(cast: Cast) -> None:
    assert not Tenant.objects.exists()
    assert not Membership.objects.exists()


def test_a_context_shows_its_own_tenants_rows_alone(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        assert list(Tenant.objects.all()) == [cast.tenant]
        assert {row.user_id for row in Membership.objects.all()} == {cast.alice.pk, cast.bob.pk}


def test_a_context_ends_with_its_transaction(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        assert Tenant.objects.exists()
    assert not Tenant.objects.exists()


def test_contexts_do_not_nest(cast: Cast) -> None:
    with tenant_context(cast.tenant.id), pytest.raises(RuntimeError), tenant_context(cast.elsewhere.id):
        pass


def test_a_row_of_another_tenant_cannot_be_written(cast: Cast) -> None:
    with pytest.raises(DatabaseError) as refusal, tenant_context(cast.tenant.id):
        Endpoint.objects.create(tenant=cast.elsewhere, slug="theirs", name="Theirs")
    assert isinstance(refusal.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_a_foreign_row_is_not_touched_by_update_or_delete(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        assert Tenant.objects.filter(pk=cast.elsewhere.pk).update(name="Mine now") == 0
        assert Membership.objects.filter(user=cast.charlie).delete()[0] == 0


def test_a_row_cannot_point_at_a_neighbours_row(cast: Cast) -> None:
    with tenant_context(cast.elsewhere.id):
        theirs = endpoint_create(
            actor=cast.acting_inside(cast.charlie, cast.elsewhere), slug=unique("e"), name="Theirs"
        )
    with pytest.raises(DatabaseError) as refusal, tenant_context(cast.tenant.id):
        Tool.objects.create(
            id=uuid.uuid4(), tenant=cast.tenant, endpoint_id=theirs.pk, name="t", input_schema={}, source="builtin"
        )
    assert isinstance(refusal.value.__cause__, psycopg.errors.ForeignKeyViolation)


def test_a_person_reads_their_own_memberships_everywhere_and_writes_none(cast: Cast) -> None:
    with person_context(cast.bob.pk):
        assert [row.tenant_id for row in Membership.objects.all()] == [cast.tenant.id]
        assert list(Tenant.objects.all()) == [cast.tenant]
        assert Membership.objects.update(role="owner") == 0


def test_the_application_cannot_switch_row_security_off() -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_tenant DISABLE ROW LEVEL SECURITY")
