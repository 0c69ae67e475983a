"""SCIM and the domains that a tenant has verified."""

from allauth.account.models import EmailAddress
from django.core import mail

from tenants.models import Role, SsoDomainHolder, User
from tests.conftest import Cast, unique
from tests.console.test_scim import provider_of


def test_whoever_signed_up_with_an_address_and_never_proved_it_keeps_no_way_in(cast: Cast) -> None:
    provider = provider_of(cast)
    domain = f"{unique('corp')}.example"
    SsoDomainHolder.objects.create(name=domain, tenant_id=cast.tenant.id)
    squatted = User.objects.create_user(f"ceo@{domain}", "a password of somebody else")
    EmailAddress.objects.create(user=squatted, email=squatted.email, verified=False, primary=True)
    provider.user(squatted.email)
    squatted.refresh_from_db()
    assert cast.acting(squatted).role == Role.VIEWER
    assert not squatted.has_usable_password()
    assert EmailAddress.objects.get(user=squatted).verified


def test_who_is_at_a_verified_domain_joins_at_once(cast: Cast) -> None:
    provider = provider_of(cast)
    domain = f"{unique('corp')}.example"
    SsoDomainHolder.objects.create(name=domain, tenant_id=cast.tenant.id)
    known = User.objects.create_user(f"known@{domain}")
    provider.user(known.email)
    provider.user(f"NEW@{domain}", displayName="New Person")
    fresh = User.objects.get(email=f"new@{domain}")
    assert (fresh.name, fresh.has_usable_password()) == ("New Person", False)
    assert {cast.acting(one).role for one in (known, fresh)} == {Role.VIEWER}
    assert not mail.outbox
    elsewhere = provider_of(cast, user=cast.charlie)
    elsewhere.user(f"third@{domain}")
    assert not User.objects.filter(email=f"third@{domain}").exists()
