"""Host names: which may be claimed, who gets one, and what becomes of one whose record goes."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import endpoint_create, endpoint_delete
from mcp_runtime.services.host_checks import hosts_look
from mcp_runtime.services.hosts import default_set, host_claim, host_release, host_verify, proof_of
from tenants.domain_proof import GRACE
from tenants.models import AuditEvent, EndpointHost, HostHolder, Tenant, User
from tenants.services.tenants import purge_deleted
from tests.conftest import Cast, unique
from tests.dns_server import Names, names
from tests.races import at_once

__all__ = ["names"]


@pytest.fixture
def endpoints(cast: Cast) -> dict[UUID, str]:
    """The slug of an endpoint of each of the cast's tenants."""
    return {
        cast.tenant.pk: _endpoint(cast.tenant, cast.alice),
        cast.elsewhere.pk: _endpoint(cast.elsewhere, cast.charlie),
    }


def _endpoint(tenant: Tenant, owner: User) -> str:
    with tenant_context(tenant.pk):
        return endpoint_create(actor=Cast.acting_inside(owner, tenant), slug=unique("e"), name="Demo").slug


def _claimed(cast: Cast, endpoints: dict[UUID, str], name: str, *, elsewhere: bool = False) -> EndpointHost:
    tenant, owner = (cast.elsewhere, cast.charlie) if elsewhere else (cast.tenant, cast.alice)
    with tenant_context(tenant.pk):
        actor = Cast.acting_inside(owner, tenant)
        return host_claim(actor=actor, name=name, endpoint_slug=endpoints[tenant.pk])


def _prove(names: Names, host: EndpointHost) -> None:
    names.texts.setdefault(proof_of(host).name, []).append(proof_of(host).text)


def _verified(cast: Cast, endpoints: dict[UUID, str], names: Names, name: str) -> EndpointHost:
    host = _claimed(cast, endpoints, name)
    _prove(names, host)
    return host_verify(actor=cast.acting(cast.alice), host_id=host.pk)


def _name() -> str:
    return f"{unique('mcp')}.example.com"


def _holder(name: str) -> UUID | None:
    return HostHolder.objects.filter(name=name).values_list("tenant_id", flat=True).first()


def test_a_host_is_verified_by_its_record(cast: Cast, endpoints: dict[UUID, str], names: Names) -> None:
    name = _name()
    host = _claimed(cast, endpoints, f" {name.upper()}. ")
    assert host.name == name
    with pytest.raises(Refused, match=f"_armstrong-challenge.{name}. There is none") as refused:
        host_verify(actor=cast.acting(cast.alice), host_id=host.pk)
    assert refused.value.refusal is refusals.CONFLICT
    assert _holder(name) is None
    _prove(names, host)
    assert host_verify(actor=cast.acting(cast.alice), host_id=host.pk).verified_at is not None
    assert _holder(name) == cast.tenant.pk
    with tenant_context(cast.tenant.pk):
        told = AuditEvent.objects.filter(action__startswith="host.")
        assert told.count() >= 2


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "localhost",
            "mcp.localhost",
            "printer.local",
            "10.0.0.1",
            "[::1]",
            "2130706433",
            "mcp",
            "a b.example.com",
        ),
        *("com", "co.uk", "github.io", "xn--p1ai", "mcp.invalid", "mcp.internal", "mcp.onion", "*.example.com"),
        *("https://a.example.com", "a.example.com:443", "a_b.example.com", "console.armstrong.test", "a..example.com"),
        *("hosts.armstrong.test", "acme.hosts.armstrong.test", "a.b.hosts.armstrong.test", "RUNTIME.armstrong.test."),
        # Cyrillic alone that reads as Latin, and both in one label; full-width letters of the platform's own name.
        *("\u0440\u0430\u0443\u0440\u0430\u04cf.com", "p\u0430ypal.com", "\uff52untime.armstrong.test"),
        *("xn--\u0430.com", "xn--a.com", "-a.example.com", "x" * 64 + ".example.com", "a\0.example.com"),
    ],
)
def test_names_that_nobody_may_claim(cast: Cast, endpoints: dict[UUID, str], settings: Settings, name: str) -> None:
    settings.CONSOLE_URL, settings.RUNTIME_URL = "https://console.armstrong.test", "https://runtime.armstrong.test"
    settings.TENANT_DOMAIN = "hosts.armstrong.test"
    with pytest.raises(Refused) as refused:
        _claimed(cast, endpoints, name)
    assert refused.value.refusal is refusals.INVALID_INPUT


@pytest.mark.parametrize(
    "name", ["b\u00fccher.example.com", "\u043f\u0440\u0438\u043c\u0435\u0440.example.com", "a.b.co.uk"]
)
def test_names_that_somebody_may_claim(cast: Cast, endpoints: dict[UUID, str], name: str) -> None:
    assert _claimed(cast, endpoints, name).name.isascii()


def test_a_name_is_one_tenants(cast: Cast, endpoints: dict[UUID, str], names: Names) -> None:
    name = _name()
    first = _verified(cast, endpoints, names, name)
    second = _claimed(cast, endpoints, name, elsewhere=True)
    charlie = cast.acting(cast.charlie, cast.elsewhere)
    with pytest.raises(Refused) as refused:
        host_verify(actor=charlie, host_id=second.pk)  # the record that is there is Alice's
    assert refused.value.refusal is refusals.CONFLICT
    _prove(names, second)
    with pytest.raises(Refused, match="Another tenant has verified"):
        host_verify(actor=charlie, host_id=second.pk)
    assert _holder(name) == cast.tenant.pk
    with tenant_context(cast.tenant.pk):
        host_release(actor=Cast.acting_inside(cast.alice, cast.tenant), host_id=first.pk)
    assert _holder(name) is None
    host_verify(actor=charlie, host_id=second.pk)
    assert _holder(name) == cast.elsewhere.pk


def test_of_two_who_are_at_it_at_once_one_gets_it(cast: Cast, endpoints: dict[UUID, str], names: Names) -> None:
    name = _name()
    ours, theirs = _claimed(cast, endpoints, name), _claimed(cast, endpoints, name, elsewhere=True)
    _prove(names, ours)
    _prove(names, theirs)
    alice, charlie = cast.acting(cast.alice), cast.acting(cast.charlie, cast.elsewhere)
    results = at_once(
        lambda: host_verify(actor=alice, host_id=ours.pk), lambda: host_verify(actor=charlie, host_id=theirs.pk)
    )
    refused = [result for result in results if isinstance(result, Refused)]
    assert len(refused) == 1
    assert refused[0].refusal is refusals.CONFLICT
    assert _holder(name) in {cast.tenant.pk, cast.elsewhere.pk}


def test_who_may_do_it(cast: Cast, endpoints: dict[UUID, str], names: Names) -> None:
    host = _verified(cast, endpoints, names, _name())
    bob = cast.acting(cast.bob)
    with pytest.raises(Refused) as refused:
        host_verify(actor=bob, host_id=host.pk)
    assert refused.value.refusal is refusals.PERMISSION_DENIED
    for act in (
        lambda: host_claim(actor=bob, name=_name(), endpoint_slug=endpoints[cast.tenant.pk]),
        lambda: host_release(actor=bob, host_id=host.pk),
        lambda: default_set(actor=bob, endpoint_slug=endpoints[cast.tenant.pk]),
    ):
        with tenant_context(cast.tenant.pk), pytest.raises(Refused) as refused:
            act()
        assert refused.value.refusal is refusals.PERMISSION_DENIED


def test_an_endpoint_takes_its_hosts_along(cast: Cast, endpoints: dict[UUID, str], names: Names) -> None:
    name = _name()
    _verified(cast, endpoints, names, name)
    with tenant_context(cast.tenant.pk):
        endpoint_delete(actor=Cast.acting_inside(cast.alice, cast.tenant), endpoint_slug=endpoints[cast.tenant.pk])
        assert not EndpointHost.objects.exists()
    assert _holder(name) is None


def test_a_tenant_that_is_gone_holds_no_host(cast: Cast, endpoints: dict[UUID, str], names: Names) -> None:
    name = _name()
    _verified(cast, endpoints, names, name)
    with tenant_context(cast.tenant.pk):
        Tenant.objects.update(delete_after="2020-01-01T00:00:00Z")
    purge_deleted()
    assert _holder(name) is None


def _look_in(name: str) -> EndpointHost:
    """The host after a look, whose turn it is."""
    HostHolder.objects.exclude(name=name).update(look_at=timezone.now() + timedelta(days=1))
    HostHolder.objects.filter(name=name).update(look_at=timezone.now())
    assert hosts_look() == 1
    with tenant_context(HOLDERS[name]):
        return EndpointHost.objects.get(name=name)


HOLDERS: dict[str, UUID] = {}


def test_a_host_whose_record_stays_away_is_withdrawn(cast: Cast, endpoints: dict[UUID, str], names: Names) -> None:
    name = _name()
    HOLDERS[name] = cast.tenant.pk
    host = _verified(cast, endpoints, names, name)
    assert _look_in(name).missing_since is None
    record = names.texts.pop(proof_of(host).name)
    missing = _look_in(name)
    assert missing.missing_since is not None
    assert missing.verified_at is not None
    # What DNS does not answer changes nothing.
    with tenant_context(cast.tenant.pk):
        EndpointHost.objects.update(missing_since=timezone.now() - GRACE / 2)
    assert _look_in(name).verified_at is not None
    names.texts[proof_of(host).name] = record
    assert _look_in(name).missing_since is None
    del names.texts[proof_of(host).name]
    _look_in(name)
    with tenant_context(cast.tenant.pk):
        EndpointHost.objects.update(missing_since=timezone.now() - GRACE)
    gone = _look_in(name)
    assert (gone.verified_at, gone.withdrawn_at is None) == (None, False)
    assert _holder(name) is None
    names.texts[proof_of(host).name] = record
    back = host_verify(actor=cast.acting(cast.alice), host_id=host.pk)
    assert (back.withdrawn_at, back.missing_since) == (None, None)
    assert _holder(name) == cast.tenant.pk


def test_a_silent_name_server_withdraws_nothing(
    cast: Cast, endpoints: dict[UUID, str], names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenants.dns.SECONDS", 0.2)
    name = _name()
    HOLDERS[name] = cast.tenant.pk
    _verified(cast, endpoints, names, name)
    names.is_silent = True
    looked = _look_in(name)
    assert (looked.missing_since, looked.verified_at is None) == (None, False)
    assert "did not answer" in looked.last_error


def test_the_first_endpoint_is_the_default_and_stays_it(cast: Cast, endpoints: dict[UUID, str]) -> None:
    second = _endpoint(cast.tenant, cast.alice)
    with tenant_context(cast.tenant.pk):
        assert [row.slug for row in Endpoint.objects.filter(is_default=True)] == [endpoints[cast.tenant.pk]]
        default_set(actor=Cast.acting_inside(cast.alice, cast.tenant), endpoint_slug=second)
        assert [row.slug for row in Endpoint.objects.filter(is_default=True)] == [second]
