"""Access keys travel to the workers as digests, for as long as they live."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from core import keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import AccessKey, Endpoint, PublishedEndpoint
from mcp_runtime.services import access_keys
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.snapshots import structs
from tenants.models import Role
from tests.conftest import Cast, unique


@pytest.fixture
def endpoint(cast: Cast) -> Endpoint:
    """An endpoint of Alice's tenant."""
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return endpoint_create(actor=actor, slug=unique("e"), name="E")


def _issue(cast: Cast, endpoint: Endpoint, **fields: object) -> tuple[AccessKey, str]:
    actor = cast.acting(cast.bob)
    with tenant_context(cast.tenant.id):
        return access_keys.access_key_issue(
            actor=actor,
            endpoint_slug=endpoint.slug,
            **{"name": "k"} | fields,  # type: ignore[arg-type]
        )


def _published(cast: Cast, endpoint: Endpoint) -> list[structs.KeySnapshot]:
    with tenant_context(cast.tenant.id):
        return structs.decode(bytes(PublishedEndpoint.objects.get(endpoint=endpoint).document)).keys


def _revoke(cast: Cast, endpoint: Endpoint, access_key_id: uuid.UUID) -> None:
    actor = cast.acting(cast.bob)
    with tenant_context(cast.tenant.id):
        access_keys.access_key_revoke(actor=actor, endpoint_slug=endpoint.slug, access_key_id=access_key_id)


def test_an_issued_key_is_published_as_its_digest(cast: Cast, endpoint: Endpoint) -> None:
    key, secret = _issue(cast, endpoint, expires_at=timezone.now() + timedelta(days=1))
    (published,) = _published(cast, endpoint)
    assert (published.id, published.digest, published.tools) == (str(key.pk), keys.digest(secret), None)
    assert published.expires_at == pytest.approx(key.expires_at.timestamp() if key.expires_at else 0)


def test_a_revoked_key_is_published_no_more(cast: Cast, endpoint: Endpoint) -> None:
    key, _ = _issue(cast, endpoint)
    _revoke(cast, endpoint, key.pk)
    assert _published(cast, endpoint) == []
    for access_key_id in (key.pk, uuid.uuid4()):
        with pytest.raises(Refused) as refusal:
            _revoke(cast, endpoint, access_key_id)
        assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_key_is_revoked_on_its_own_endpoint_alone(cast: Cast, endpoint: Endpoint) -> None:
    key, _ = _issue(cast, endpoint)
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        other = endpoint_create(actor=actor, slug=unique("other"), name="Other")
    with pytest.raises(Refused):
        _revoke(cast, other, key.pk)
    assert len(_published(cast, endpoint)) == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"tools": ["absent"]}, "tools"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expires_at"),
        ({"expires_at": timezone.now() + timedelta(days=36_500)}, "expires_at"),
    ],
)
def test_a_bad_field_is_named(cast: Cast, endpoint: Endpoint, fields: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        _issue(cast, endpoint, **fields)
    assert list(refusal.value.data["fields"]) == [field]


def test_live_keys_are_limited_and_expired_ones_do_not_count(
    cast: Cast, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_keys, "MAXIMUM_LIVE_KEYS", 1)
    _issue(cast, endpoint)
    with pytest.raises(Refused) as refusal:
        _issue(cast, endpoint)
    assert refusal.value.refusal is refusals.LIMIT_REACHED
    with tenant_context(cast.tenant.id):
        AccessKey.objects.update(expires_at=timezone.now())
    assert _issue(cast, endpoint)


def test_a_viewer_handles_no_keys(cast: Cast, endpoint: Endpoint) -> None:
    viewer = cast.acting(cast.join("dora", Role.VIEWER))
    for act in (
        lambda: access_keys.access_key_issue(actor=viewer, endpoint_slug=endpoint.slug, name="k"),
        lambda: access_keys.access_key_revoke(actor=viewer, endpoint_slug=endpoint.slug, access_key_id=uuid.uuid4()),
    ):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            act()
        assert refusal.value.refusal is refusals.PERMISSION_DENIED
