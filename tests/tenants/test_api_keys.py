"""Keys of the REST API: issued within one's rights, shown once, recognised until they end."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.utils import timezone as now_in_zone

from core import keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import ApiKey, Role
from tenants.services import api_keys
from tests.conftest import Cast


def _issue(cast: Cast, role: str = Role.DEVELOPER, **fields: object) -> tuple[ApiKey, str]:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return api_keys.api_key_issue(actor=actor, name="deploy", role=role, **fields)  # type: ignore[arg-type]


def _is_refused(secret: str) -> bool:
    with pytest.raises(Refused) as refusal:
        api_keys.actor_for_api_key(secret)
    return refusal.value.refusal is refusals.INVALID_CREDENTIALS


def test_a_key_acts_in_its_tenant_with_its_role(cast: Cast) -> None:
    key, secret = _issue(cast, Role.DEVELOPER)
    actor = api_keys.actor_for_api_key(secret)
    assert (actor.tenant, actor.role, actor.user, actor.api_key_id) == (cast.tenant, Role.DEVELOPER, None, key.pk)


def test_what_is_stored_does_not_give_the_key_away(cast: Cast) -> None:
    key, secret = _issue(cast)
    with tenant_context(cast.tenant.id):
        stored = ApiKey.objects.values().get(pk=key.pk)
    assert secret not in str(stored)
    assert secret.startswith(stored["prefix"])
    assert stored["digest"] == keys.digest(secret)


def test_use_is_noted_at_most_once_a_minute(cast: Cast) -> None:
    key, secret = _issue(cast)
    for _ in range(2):
        api_keys.actor_for_api_key(secret)
    with tenant_context(cast.tenant.id):
        first = ApiKey.objects.get(pk=key.pk).last_used_at
        assert first is not None
        ApiKey.objects.update(last_used_at=first - 2 * api_keys.LAST_USED_RESOLUTION)
    api_keys.actor_for_api_key(secret)
    with tenant_context(cast.tenant.id):
        assert ApiKey.objects.get(pk=key.pk).last_used_at != first - 2 * api_keys.LAST_USED_RESOLUTION


def test_a_revoked_key_is_refused_and_cannot_be_revoked_again(cast: Cast) -> None:
    key, secret = _issue(cast)
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        api_keys.api_key_revoke(actor=actor, api_key_id=key.pk)
    assert _is_refused(secret)
    for api_key_id in (key.pk, uuid.uuid4()):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            api_keys.api_key_revoke(actor=actor, api_key_id=api_key_id)
        assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_key_ends_at_its_expiry(cast: Cast) -> None:
    key, secret = _issue(cast, expires_at=now_in_zone.now() + timedelta(hours=1))
    assert api_keys.actor_for_api_key(secret).api_key_id == key.pk
    with tenant_context(cast.tenant.id):
        ApiKey.objects.filter(pk=key.pk).update(expires_at=now_in_zone.now())
    assert _is_refused(secret)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-12))),
        datetime(2030, 1, 1),
    ],
)
def test_an_expiry_that_is_past_far_off_or_vague_is_refused(cast: Cast, moment: datetime) -> None:
    with pytest.raises(Refused) as refusal:
        _issue(cast, expires_at=moment)
    assert list(refusal.value.data["fields"]) == ["expires_at"]


def test_another_tenants_key_is_not_there_to_revoke(cast: Cast) -> None:
    key, secret = _issue(cast)
    stranger = cast.acting(cast.charlie, cast.elsewhere)
    with pytest.raises(Refused) as refusal, tenant_context(cast.elsewhere.id):
        api_keys.api_key_revoke(actor=stranger, api_key_id=key.pk)
    assert refusal.value.refusal is refusals.NOT_FOUND
    assert api_keys.actor_for_api_key(secret).api_key_id == key.pk


def test_a_key_with_another_tenants_name_in_it_is_refused(cast: Cast) -> None:
    _, secret = _issue(cast)
    stranger = cast.acting(cast.charlie, cast.elsewhere)
    with tenant_context(cast.elsewhere.id):
        _, theirs = api_keys.api_key_issue(actor=stranger, name="theirs", role=Role.OWNER)
    assert _is_refused(theirs[:26] + secret[26:])


@pytest.mark.parametrize(
    "secret", ["", "aak_", "aak_" + "A" * 66, "amk_x", "\0", "\ud800", "é" * 40, "aak_" + "_" * 60]
)
def test_a_made_up_key_is_refused(secret: str) -> None:
    assert _is_refused(secret)


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_developers_and_viewers_handle_no_keys(cast: Cast, role: Role) -> None:
    actor = cast.acting(cast.join("dora", role))
    for act in (
        lambda: api_keys.api_key_issue(actor=actor, name="k", role=Role.VIEWER),
        lambda: api_keys.api_key_revoke(actor=actor, api_key_id=uuid.uuid4()),
    ):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            act()
        assert refusal.value.refusal is refusals.PERMISSION_DENIED


def test_an_admins_key_makes_no_owners_key(cast: Cast) -> None:
    _, secret = _issue(cast, Role.ADMIN)
    actor = api_keys.actor_for_api_key(secret)
    with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
        api_keys.api_key_issue(actor=actor, name="k", role=Role.OWNER)
    assert refusal.value.refusal is refusals.PERMISSION_DENIED


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\tb"])
def test_a_key_has_a_proper_name(cast: Cast, name: str) -> None:
    actor = cast.acting(cast.alice)
    with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
        api_keys.api_key_issue(actor=actor, name=name, role=Role.VIEWER)
    assert list(refusal.value.data["fields"]) == ["name"]


def test_live_keys_are_limited_and_ended_ones_do_not_count(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MAXIMUM_LIVE_KEYS", 1)
    _issue(cast)
    with pytest.raises(Refused) as refusal:
        _issue(cast)
    assert refusal.value.refusal is refusals.LIMIT_REACHED
    with tenant_context(cast.tenant.id):
        ApiKey.objects.update(expires_at=now_in_zone.now())
    assert _issue(cast)
