"""Alerts over the API: who is told, tested, signed anew and removed; nobody else's, and nothing that is not valid."""

import uuid
from typing import Any

import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import Alert, AlertChannel
from tests.conftest import Cast
from tests.console.api.conftest import Api, Keys

HOOK = {"name": "On call", "kind": "webhook", "url": "https://hooks.example.com/armstrong"}
ACTS = (("POST", "/test"), ("POST", "/secret"), ("DELETE", "/former-secret"), ("DELETE", ""))


def _made(api: Api, **said: Any) -> dict[str, Any]:
    answer = api.post("/alert-channels", **(HOOK | said))
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.body
    return made


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(keys: Keys) -> None:
    made = _made(keys.developer)
    assert made["secret"].startswith("whsec_")
    listed = keys.owner.get("/alert-channels").body
    assert [(one["id"], one["url"], one["kind"]) for one in listed["items"]] == [(made["id"], HOOK["url"], "webhook")]
    assert made["secret"] not in str(listed)
    renewed = keys.developer.post(f"/alert-channels/{made['id']}/secret").body["secret"]
    assert renewed.startswith("whsec_")
    assert renewed != made["secret"]
    assert keys.developer.delete(f"/alert-channels/{made['id']}/former-secret").status == 204


def test_a_test_is_sent_and_a_removed_one_is_told_nothing(cast: Cast, keys: Keys) -> None:
    place = f"/alert-channels/{_made(keys.developer)['id']}"
    assert keys.developer.post(f"{place}/test").status == 202
    with tenant_context(cast.tenant.id):
        assert Alert.objects.get().is_test
    assert keys.developer.delete(place).status == 204
    with tenant_context(cast.tenant.id):
        assert not Alert.objects.exists()
    assert keys.developer.post(f"{place}/test").code == "not_found"


def test_mail_has_no_secret(keys: Keys) -> None:
    made = _made(keys.developer, kind="mail", url="", addresses=["on-call@example.com"])
    assert (made["secret"], made["addresses"]) == ("", ["on-call@example.com"])
    assert keys.developer.post(f"/alert-channels/{made['id']}/secret").code == "conflict"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"url": ""}, "url"),
        ({"url": "not a url"}, "url"),
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://169.254.169.254/latest/"}, "url"),
        ({"url": "https://user:pass@hooks.example.com/"}, "url"),
        ({"kind": "mail", "addresses": ["nobody"]}, "addresses"),
        ({"kind": "mail", "addresses": [f"a{number}@example.com" for number in range(21)]}, "addresses"),
    ],
)
def test_what_is_not_valid_is_refused_at_its_field(cast: Cast, keys: Keys, said: dict[str, Any], field: str) -> None:
    assert field in keys.developer.post("/alert-channels", **(HOOK | said)).fields
    with tenant_context(cast.tenant.id):
        assert not AlertChannel.objects.exists()


@pytest.mark.parametrize("said", [{"kind": 7}, {"addresses": "a@example.com"}, {"surprise": True}, {"url": None}])
def test_what_is_of_another_type_is_refused(keys: Keys, said: dict[str, Any]) -> None:
    assert keys.developer.post("/alert-channels", **(HOOK | said)).status == 422


def test_another_tenants_are_not_there(cast: Cast, keys: Keys) -> None:
    made = _made(keys.developer)
    assert keys.stranger.get("/alert-channels").body["items"] == []
    for identifier in (made["id"], str(uuid.uuid4())):
        for method, act in ACTS:
            assert keys.stranger.send(method, f"/alert-channels/{identifier}{act}").code == "not_found"
    for identifier in ("1", "..", "%00", "x" * 300):
        assert keys.developer.delete(f"/alert-channels/{identifier}").status == 404
    with tenant_context(cast.tenant.id):
        assert AlertChannel.objects.count() == 1


def test_who_may_only_look_is_told_nothing_of_them(keys: Keys) -> None:
    made = _made(keys.developer)
    assert keys.viewer.get("/alert-channels").code == "permission_denied"
    assert keys.viewer.post("/alert-channels", **HOOK).code == "permission_denied"
    for method, act in ACTS:
        assert keys.viewer.send(method, f"/alert-channels/{made['id']}{act}").code == "permission_denied"


def test_the_eleventh_is_refused(keys: Keys) -> None:
    for number in range(10):
        _made(keys.developer, name=f"Channel {number}")
    assert keys.developer.post("/alert-channels", **HOOK).code == "limit_reached"
