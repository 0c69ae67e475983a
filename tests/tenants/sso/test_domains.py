"""Domains: claimed by whoever likes, proven by DNS, one tenant's at most."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.domain_proof import GRACE, normal_domain
from tenants.models import SsoDomain, Tenant, User
from tenants.services.tenants import purge_deleted, tenant_delete
from tenants.sso.domains import (
    domain_add,
    domain_of,
    domain_remove,
    domain_verify,
    holder_of,
    proof_of,
)
from tenants.sso.rechecking import domains_recheck, tenant_recheck
from tests.conftest import Cast, unique
from tests.dns_server import Names, names

__all__ = ["names"]


def _added(cast: Cast, name: str, user: User | None = None, tenant: Tenant | None = None) -> SsoDomain:
    where = tenant or cast.tenant
    with tenant_context(where.id):
        return domain_add(actor=Cast.acting_inside(user or cast.alice, where), name=name)


def _verified(cast: Cast, names: Names, name: str) -> SsoDomain:
    domain = _added(cast, name)
    names.texts[proof_of(domain).name] = ["v=spf1 -all", proof_of(domain).text]
    return domain_verify(actor=cast.acting(cast.alice), domain_id=domain.pk)


def _domain() -> str:
    return f"{unique('acme')}.example"


def test_a_domain_is_verified_by_its_record(cast: Cast, names: Names) -> None:
    name = _domain()
    domain = _added(cast, name.upper() + ".")
    assert domain.name == name
    assert holder_of(f"bob@{name}") is None
    with pytest.raises(Refused, match=f"_armstrong-challenge.{name}. There is none") as refused:
        domain_verify(actor=cast.acting(cast.alice), domain_id=domain.pk)
    assert refused.value.refusal is refusals.CONFLICT
    names.texts[proof_of(domain).name] = ["another text"]
    with pytest.raises(Refused, match="1 with others"):
        domain_verify(actor=cast.acting(cast.alice), domain_id=domain.pk)
    names.texts[proof_of(domain).name] = ["x" * 300, proof_of(domain).text]
    assert domain_verify(actor=cast.acting(cast.alice), domain_id=domain.pk).verified_at is not None
    assert holder_of(f"Bob@{name.upper()}") == cast.tenant.id
    assert holder_of(f"bob@sub.{name}") is None


def test_a_domain_belongs_to_the_tenant_that_verified_it_first(cast: Cast, names: Names) -> None:
    name = _domain()
    first = _verified(cast, names, name)
    second = _added(cast, name, cast.charlie, cast.elsewhere)
    names.texts[proof_of(second).name].append(proof_of(second).text)
    charlie = cast.acting(cast.charlie, cast.elsewhere)
    with pytest.raises(Refused, match="Another tenant has verified") as refused:
        domain_verify(actor=charlie, domain_id=second.pk)
    assert refused.value.refusal is refusals.CONFLICT
    assert holder_of(f"bob@{name}") == cast.tenant.id
    with tenant_context(cast.tenant.id):
        domain_remove(actor=Cast.acting_inside(cast.alice, cast.tenant), domain_id=first.pk)
    assert holder_of(f"bob@{name}") is None
    domain_verify(actor=charlie, domain_id=second.pk)
    assert holder_of(f"bob@{name}") == cast.elsewhere.id


def test_the_record_of_one_tenant_proves_nothing_for_another(cast: Cast, names: Names) -> None:
    name = _domain()
    ours, theirs = _added(cast, name), _added(cast, name, cast.charlie, cast.elsewhere)
    names.texts[proof_of(ours).name] = [proof_of(ours).text]
    with pytest.raises(Refused):
        domain_verify(actor=cast.acting(cast.charlie, cast.elsewhere), domain_id=theirs.pk)
    assert holder_of(f"bob@{name}") is None


def test_a_name_server_that_is_silent_is_said_to_be(cast: Cast, names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenants.dns.SECONDS", 0.2)
    names.is_silent = True
    domain = _added(cast, _domain())
    with pytest.raises(Refused) as refused:
        domain_verify(actor=cast.acting(cast.alice), domain_id=domain.pk)
    assert refused.value.refusal is refusals.TEMPORARILY_UNAVAILABLE


def _again(domain: SsoDomain) -> SsoDomain:
    with tenant_context(domain.tenant_id):
        return SsoDomain.objects.get(pk=domain.pk)


def test_a_domain_whose_record_is_gone_is_warned_of_and_then_counts_no_more(cast: Cast, names: Names) -> None:
    name = _domain()
    domain = _verified(cast, names, name)
    domains_recheck()
    assert _again(domain).missing_since is None
    del names.texts[proof_of(domain).name]
    domains_recheck()
    warned = _again(domain)
    assert warned.verified_at is not None
    assert warned.missing_since is not None
    assert "There is none." in warned.last_error
    assert holder_of(f"bob@{name}") == cast.tenant.id
    with tenant_context(cast.tenant.id):
        SsoDomain.objects.update(missing_since=timezone.now() - GRACE + timedelta(minutes=1))
    domains_recheck()
    assert holder_of(f"bob@{name}") == cast.tenant.id
    with tenant_context(cast.tenant.id):
        SsoDomain.objects.update(missing_since=timezone.now() - GRACE)
    domains_recheck()
    assert _again(domain).verified_at is None
    assert holder_of(f"bob@{name}") is None
    names.texts[proof_of(domain).name] = [proof_of(domain).text]
    assert domain_verify(actor=cast.acting(cast.alice), domain_id=domain.pk).verified_at is not None


def test_a_record_that_came_back_is_as_if_it_had_stayed(
    cast: Cast, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain = _verified(cast, names, _domain())
    said = names.texts.pop(proof_of(domain).name)
    tenant_recheck(cast.tenant.pk)
    names.texts[proof_of(domain).name] = said
    tenant_recheck(cast.tenant.pk)
    assert (_again(domain).missing_since, _again(domain).last_error) == (None, "")
    # A name server that does not answer says nothing of the record.
    monkeypatch.setattr("tenants.dns.SECONDS", 0.2)
    names.is_silent = True
    tenant_recheck(cast.tenant.pk)
    assert _again(domain).missing_since is None


def test_a_tenant_that_is_gone_holds_no_domain(cast: Cast, names: Names) -> None:
    name = _domain()
    _verified(cast, names, name)
    with tenant_context(cast.tenant.id):
        tenant_delete(actor=Cast.acting_inside(cast.alice, cast.tenant))
        Tenant.objects.update(delete_after="2020-01-01T00:00:00Z")
    purge_deleted()
    assert holder_of(f"bob@{name}") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "localhost", "example", "-a.example", "a..example", "1.2.3.4", "a.b/c", "x" * 250 + ".example"),
        *("a_b.example", "*.example.com", "a@b.example", "\0.example", "[::1]", "http://a.example", "a.example:80"),
    ],
)
def test_what_is_no_domain_is_refused(cast: Cast, text: str) -> None:
    assert normal_domain(text) == ""
    with pytest.raises(Refused) as refused:
        _added(cast, text)
    assert refused.value.refusal is refusals.INVALID_INPUT


def test_names_are_compared_in_one_spelling() -> None:
    assert normal_domain("BÜCHER.example.") == "xn--bcher-kva.example"
    assert domain_of("a@b@Example.COM") == "example.com"
    assert domain_of("example.com") == domain_of("@example.com") == ""


def test_a_developer_claims_nothing(cast: Cast) -> None:
    with pytest.raises(Refused) as refused:
        _added(cast, _domain(), cast.bob)
    assert refused.value.refusal is refusals.PERMISSION_DENIED
