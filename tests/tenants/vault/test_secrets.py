"""Static secrets: bound to who holds them and where they go, told to nobody, gone with their key."""

import uuid
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core import crypto, refusals
from core.crypto import Forged
from core.envelope import KeyGone, version_of
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Role, Secret, TenantKey
from tenants.vault import secrets
from tenants.vault.secrets import secret_remove, secret_store, secrets_forget, secrets_opened, secrets_write
from tenants.vault.selectors import secrets_of
from tests.conftest import Cast
from tests.dumps import tables_holding
from tests.races import at_once

HERE = "https://api.example.com"
ELSEWHERE = "https://evil.example.net"


def _store(cast: Cast, holder: uuid.UUID, **values: str) -> None:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        secrets_write(actor=actor, holder=holder, destination=HERE, secrets=values)


def _opened(cast: Cast, holder: uuid.UUID, destination: str = HERE) -> dict[str, str]:
    with tenant_context(cast.tenant.id):
        return secrets_opened(tenant_id=cast.tenant.id, holder=holder, destination=destination)


def test_a_secret_comes_back_for_its_holder_and_destination_alone(cast: Cast) -> None:
    holder = uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2", token="t\u00f6ken")
    assert _opened(cast, holder) == {"password": "hunter2-hunter2", "token": "t\u00f6ken"}
    assert _opened(cast, holder, ELSEWHERE) == {}
    assert _opened(cast, uuid.uuid4()) == {}


def test_a_row_moved_to_another_destination_holder_or_name_cannot_be_opened(cast: Cast) -> None:
    for change in ({"destination": ELSEWHERE}, {"holder": uuid.uuid4()}, {"name": "other"}):
        holder = uuid.uuid4()
        _store(cast, holder, password="hunter2-hunter2")
        with tenant_context(cast.tenant.id):
            Secret.objects.filter(holder=holder).update(**change)
        moved: Any = {"holder": holder, "destination": HERE} | change
        with pytest.raises(Forged):
            _opened(cast, moved["holder"], moved["destination"])


def test_an_empty_value_in_a_draft_removes_and_what_it_leaves_out_stays(cast: Cast) -> None:
    holder = uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2", token="a-token")
    _store(cast, holder, password="", other="another")
    assert _opened(cast, holder) == {"token": "a-token", "other": "another"}


def test_a_holder_that_is_forgotten_leaves_nothing(cast: Cast) -> None:
    holder, other = uuid.uuid4(), uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2")
    _store(cast, other, password="stays-here")
    with tenant_context(cast.tenant.id):
        secrets_forget(holder=holder)
    assert (_opened(cast, holder), _opened(cast, other)) == ({}, {"password": "stays-here"})


def test_names_and_times_are_told_and_never_a_value(cast: Cast) -> None:
    holder = uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2")
    with tenant_context(cast.tenant.id):
        (info,) = secrets_of(holder)
    assert (info.name, info.destination) == ("password", HERE)
    assert "hunter2" not in repr(info)


def test_the_clear_value_is_nowhere_in_the_database(cast: Cast) -> None:
    _store(cast, uuid.uuid4(), password="hunter2-in-clear")
    assert tables_holding(cast.tenant.slug)
    assert tables_holding("hunter2-in-clear") == []


def test_who_may_not_edit_endpoints_stores_and_removes_nothing(cast: Cast) -> None:
    viewer, holder = cast.join("dora", Role.VIEWER), uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2")
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(viewer, cast.tenant)
        with pytest.raises(Refused) as refused:
            secret_store(actor=actor, holder=holder, name="password", value="x", destination=HERE)
        assert refused.value.refusal is refusals.PERMISSION_DENIED
        with pytest.raises(Refused):
            secret_remove(actor=actor, holder=holder, name="password")
    assert _opened(cast, holder) == {"password": "hunter2-hunter2"}


@pytest.mark.parametrize("value", ["", "x" * (secrets.MAXIMUM_CHARACTERS + 1)])
def test_an_empty_or_overlong_secret_is_refused_by_name(cast: Cast, value: str) -> None:
    with tenant_context(cast.tenant.id):
        actor = cast.acting_inside(cast.alice, cast.tenant)
        with pytest.raises(Refused) as refused:
            secret_store(actor=actor, holder=uuid.uuid4(), name="password", value=value, destination=HERE)
    assert "secrets.password" in refused.value.data["fields"]


def test_the_number_of_secrets_is_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "MAXIMUM_SECRETS", 1)
    holder = uuid.uuid4()
    _store(cast, holder, one="first-value")
    _store(cast, holder, one="second-value")
    with pytest.raises(Refused) as refused:
        _store(cast, holder, two="third-value")
    assert refused.value.refusal is refusals.LIMIT_REACHED


def test_rotation_seals_all_with_a_new_key_and_destroys_the_former(cast: Cast) -> None:
    holder = uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2")
    call_command("vault", "rotate", cast.tenant.slug)
    with tenant_context(cast.tenant.id):
        assert version_of(Secret.objects.get(holder=holder).sealed) == 2
        keys = list(TenantKey.objects.order_by("version"))
    assert [(key.version, bool(key.wrapped)) for key in keys] == [(1, False), (2, True)]
    assert _opened(cast, holder) == {"password": "hunter2-hunter2"}


def test_a_rotation_that_meets_an_altered_row_changes_nothing(cast: Cast) -> None:
    holder = uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2", token="a-token")
    with tenant_context(cast.tenant.id):
        Secret.objects.filter(name="token").update(name="renamed")
    with pytest.raises(CommandError):
        call_command("vault", "rotate", cast.tenant.slug)
    with tenant_context(cast.tenant.id):
        assert TenantKey.objects.count() == 1
        Secret.objects.filter(name="renamed").delete()
    assert _opened(cast, holder) == {"password": "hunter2-hunter2"}


def test_without_its_key_a_secret_is_lost_and_a_new_one_is_sealed_anew(cast: Cast) -> None:
    holder = uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2")
    call_command("vault", "destroy", cast.tenant.slug, "--yes")
    with pytest.raises(KeyGone):
        _opened(cast, holder)
    _store(cast, holder, password="another-password")
    assert _opened(cast, holder) == {"password": "another-password"}


def test_destroying_asks_for_a_confirmation_and_a_tenant_that_is_there(cast: Cast) -> None:
    with pytest.raises(CommandError):
        call_command("vault", "destroy", cast.tenant.slug)
    with pytest.raises(CommandError):
        call_command("vault", "destroy", "nobody-has-this", "--yes")


def test_rewrapping_moves_keys_to_the_new_secret(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, former = uuid.uuid4(), "only-for-tests-" + "0" * 40
    _store(cast, holder, password="hunter2-hunter2")
    with monkeypatch.context() as patch:
        patch.setenv("ARMSTRONG_SECRET_KEY", "second")
        patch.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", former)
        crypto._keys.cache_clear()  # noqa: SLF001  a process reads its secret once
        call_command("vault", "rewrap")
        patch.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", "")
        crypto._keys.cache_clear()  # noqa: SLF001
        assert _opened(cast, holder) == {"password": "hunter2-hunter2"}
        patch.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", former)
        patch.setenv("ARMSTRONG_SECRET_KEY", former)
        patch.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", "second")
        crypto._keys.cache_clear()  # noqa: SLF001
        call_command("vault", "rewrap")
    crypto._keys.cache_clear()  # noqa: SLF001
    assert _opened(cast, holder) == {"password": "hunter2-hunter2"}


def test_two_first_secrets_at_once_share_one_key(cast: Cast) -> None:
    holders = [uuid.uuid4(), uuid.uuid4()]
    at_once(*(partial(_store, cast, holder, password="hunter2-hunter2") for holder in holders))
    with tenant_context(cast.tenant.id):
        assert TenantKey.objects.count() == 1
    assert [_opened(cast, holder) for holder in holders] == [{"password": "hunter2-hunter2"}] * 2


def test_charlie_finds_nothing_of_it(cast: Cast) -> None:
    holder = uuid.uuid4()
    _store(cast, holder, password="hunter2-hunter2")
    with tenant_context(cast.elsewhere.id):
        assert secrets_of(holder) == []
        assert secrets_opened(tenant_id=cast.elsewhere.id, holder=holder, destination=HERE) == {}
        assert TenantKey.objects.count() == 0
