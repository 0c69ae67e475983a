"""What workers are told of a tenant: its keys, and what was cut off; each for its own tenant alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core.tenancy import tenant_context
from tenants.authorization import gate
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.issuers import issuer_of
from tenants.authorization.signing import public_keys, sign, signing_key_rotate
from tenants.models import Cutoff, PublishedGate, SigningKey, Tenant
from tests.conftest import Cast


def _signed(tenant: Tenant, **claims: Any) -> str:
    with tenant_context(tenant.id):
        return sign(tenant.id, claims, typ=gate.ACCESS_TOKEN_TYPE)


def _gate(tenant: Tenant) -> gate.Gate:
    with tenant_context(tenant.id):
        return gate.decode(bytes(PublishedGate.objects.get().document))


def _read(token: str, told: gate.Gate) -> jwt.Token:
    return jwt.decode(token, KeySet.import_key_set({"keys": told.keys}), algorithms=[gate.ALGORITHM])


def test_a_token_is_verified_with_what_was_published(cast: Cast) -> None:
    token = _read(_signed(cast.tenant, sub="alice"), _gate(cast.tenant))
    assert token.claims == {"sub": "alice"}
    assert (token.header["typ"], token.header["alg"]) == ("at+jwt", "ES256")
    assert _gate(cast.tenant).issuers == [issuer_of(cast.tenant.id)]


def test_what_is_published_holds_no_private_key(cast: Cast) -> None:
    _signed(cast.tenant)
    with tenant_context(cast.tenant.id):
        assert [set(key) for key in public_keys(cast.tenant.id)] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]
        assert "PRIVATE" not in SigningKey.objects.get().sealed


def test_another_tenants_token_is_not_verified(cast: Cast) -> None:
    _signed(cast.tenant)
    with pytest.raises((JoseError, ValueError)):
        _read(_signed(cast.elsewhere), _gate(cast.tenant))


def test_after_a_rotation_former_tokens_are_good_and_the_new_key_signs(cast: Cast) -> None:
    former = _signed(cast.tenant, n=1)
    with tenant_context(cast.tenant.id):
        signing_key_rotate(cast.tenant.id)
    latter = _signed(cast.tenant, n=2)
    told = _gate(cast.tenant)
    assert [_read(token, told).claims["n"] for token in (former, latter)] == [1, 2]
    assert len({_read(token, told).header["kid"] for token in (former, latter)}) == 2


def test_a_rotation_forgets_keys_whose_last_token_has_expired(cast: Cast) -> None:
    _signed(cast.tenant)
    with tenant_context(cast.tenant.id):
        signing_key_rotate(cast.tenant.id)
        SigningKey.objects.exclude(forget_after=None).update(forget_after=timezone.now() - timedelta(seconds=1))
        assert len(public_keys(cast.tenant.id)) == 1
        signing_key_rotate(cast.tenant.id)
        assert SigningKey.objects.count() == 2


def test_signing_keys_survive_a_rotation_of_the_vault_and_are_made_anew_when_it_is_destroyed(cast: Cast) -> None:
    former = _read(_signed(cast.tenant), _gate(cast.tenant)).header["kid"]
    call_command("vault", "rotate", cast.tenant.slug)
    assert _read(_signed(cast.tenant), _gate(cast.tenant)).header["kid"] == former
    call_command("vault", "destroy", cast.tenant.slug, "--yes")
    assert _read(_signed(cast.tenant), _gate(cast.tenant)).header["kid"] != former


def test_a_cutoff_is_published_until_no_token_can_be_older(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        cut_off(cast.tenant.id, "member:alice", "left")
        before = timezone.now()
        cut_off(cast.tenant.id, "grant:one", "revoked")
    told = _gate(cast.tenant)
    assert told.cutoffs["member:alice"] <= before.timestamp() < told.cutoffs["grant:one"]
    with tenant_context(cast.tenant.id):
        Cutoff.objects.update(at=timezone.now() - timedelta(hours=2))
        cut_off(cast.tenant.id, "client:robot", "revoked")
        # Tokens of other issuers name members and live longer; grants are of ours alone.
        assert set(Cutoff.objects.values_list("subject", flat=True)) == {"member:alice", "client:robot"}
        Cutoff.objects.filter(subject="member:alice").update(at=timezone.now() - timedelta(hours=26))
        cut_off(cast.tenant.id, "client:robot", "revoked")
        assert Cutoff.objects.count() == 1
    assert list(_gate(cast.tenant).cutoffs) == ["client:robot"]
    assert _gate(cast.tenant).version > told.version


@pytest.mark.parametrize(
    ("granted", "needed", "covered"),
    [
        ("mcp:read", "mcp:read", True),
        ("mcp:call", "mcp:read", True),
        ("mcp", "mcp:call", True),
        ("mcp:read", "mcp:call", False),
        ("mcp:callous", "mcp:call", False),
        ("files", "files:write", True),
        ("files:write", "files", False),
        ("", "mcp:read", False),
    ],
)
def test_broader_scopes_imply_narrower_ones(granted: str, needed: str, *, covered: bool) -> None:
    assert gate.grants(frozenset(granted.split()), needed) is covered
