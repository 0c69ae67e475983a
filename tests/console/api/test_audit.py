"""The audit log over REST: pages by number, and an export that proves itself."""

import json
from urllib.parse import urlencode

import pytest

from core.tenancy import tenant_context
from tenants.audit.chain import digest_of, verify
from tenants.models import AuditEvent
from tests.conftest import Cast
from tests.console.api.conftest import BASE, Api, Keys


def _export(api: Api, query: str = "") -> list[str]:
    answer = api.client.get(f"{BASE}/audit-events/export{query}")
    assert answer.status_code == 200
    return b"".join(answer).decode().splitlines(keepends=True)


def test_it_lists_what_was_done_the_latest_first(keys: Keys, endpoint: str) -> None:
    assert keys.owner.patch(f"/endpoints/{endpoint}", name="Storms").status == 200
    answer = keys.admin.get("/audit-events?kind=endpoint&limit=1")
    (latest,) = answer.body["items"]
    assert (latest["action"], latest["target_name"], latest["actor_kind"]) == ("endpoint.changed", endpoint, "api_key")
    assert latest["changes"] == [["name", "Weather", "Storms"]]
    assert digest_of(latest) == latest["digest"]
    (made,) = keys.admin.get(f"/audit-events?kind=endpoint&limit=1&before={answer.body['next']}").body["items"]
    assert made["action"] == "endpoint.created"
    assert keys.admin.get(f"/audit-events?kind=endpoint&before={made['sequence']}").body["next"] is None
    found = keys.admin.get("/audit-events?q=STORM&kind=endpoint").body["items"]
    assert found == [latest]  # what changed is searched as well


def test_an_export_ends_with_what_the_list_says_is_the_end(keys: Keys, endpoint: str) -> None:
    lines = _export(keys.admin)
    found = verify(lines)
    head = keys.admin.get("/audit-events?limit=1").body
    assert (head["sequence"], head["digest"]) == (found.sequence, found.digest)
    assert json.loads(lines[-1])["action"] == "audit.exported"
    (last,) = _export(keys.admin, f"?after={found.sequence}")
    assert json.loads(last)["previous"] == found.digest
    assert _export(keys.admin, "?format=csv")[0].startswith("sequence,at,")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"q": "\0"}, "q"),
        ({"q": "x" * 101}, "q"),
        ({"kind": "Endpoint\0"}, "kind"),
        ({"before": "0"}, "before"),
        ({"before": "9" * 19}, "before"),
        ({"before": "x"}, "before"),
        ({"limit": "101"}, "limit"),
    ],
)
def test_what_is_no_filter_is_refused(keys: Keys, query: dict[str, str], field: str) -> None:
    assert keys.admin.get(f"/audit-events?{urlencode(query)}").fields == [field]


@pytest.mark.parametrize("query", ["after=-1", "after=x", f"after={2**63}", "format=xml", "format=%00"])
def test_what_is_no_export_is_refused(keys: Keys, query: str) -> None:
    assert keys.admin.get(f"/audit-events/export?{query}").status == 422


def test_only_admins_read_it_and_the_others_are_in_it(cast: Cast, keys: Keys) -> None:
    for path in ("/audit-events", "/audit-events/export"):
        for role in ("developer", "viewer"):
            assert keys.of(role).get(path).code == "permission_denied"
        assert Api("").get(path).status == 401
    assert [row for row in keys.stranger.get("/audit-events").body["items"] if cast.tenant.slug in str(row)] == []
    refused = keys.owner.get("/audit-events?kind=access").body["items"]
    assert {(row["actor_kind"], row["actor_name"]) for row in refused} == {
        ("api_key", "developer"),
        ("api_key", "viewer"),
    }
    assert {row["target_name"] for row in refused} == {"GET /api/v1/audit-events", "GET /api/v1/audit-events/export"}


def test_a_key_that_is_refused_often_floods_nothing(cast: Cast, keys: Keys) -> None:
    for _ in range(9):
        assert keys.viewer.get("/audit-events").status == 403
    with tenant_context(cast.tenant.id):
        assert AuditEvent.objects.filter(action="access.refused").count() == 5


HOOK = {"name": "SIEM", "url": "https://siem.example.com/audit"}


def test_a_webhook_is_made_listed_rotated_and_removed(keys: Keys) -> None:
    made = keys.admin.post("/audit-targets", **HOOK, after=0)
    assert made.status == 201
    one = f"/audit-targets/{made.body['id']}"
    (listed,) = keys.admin.get("/audit-targets").body["items"]
    assert (listed["name"], listed["cursor"], listed["error"], listed["failures"]) == ("SIEM", 0, "", 0)
    assert "secret" not in listed
    rotated = keys.admin.post(f"{one}/secret").body["secret"]
    assert rotated.startswith("whsec_")
    assert rotated != made.body["secret"]
    assert keys.admin.delete(f"{one}/former-secret").status == 204
    assert keys.stranger.delete(one).status == 404
    assert keys.developer.delete(one).code == "permission_denied"
    assert keys.admin.delete(one).status == 204
    assert keys.admin.delete(one).status == 404
    assert keys.admin.get("/audit-targets").body["total"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://siem.example.com"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://siem.example.com/\0"},
        {"name": ""},
        {"after": -1},
        {"after": 2**80},
        {"after": "x"},
        {"more": 1},
    ],
)
def test_what_is_no_webhook_is_refused_at_its_field(keys: Keys, wrong: dict[str, object]) -> None:
    assert keys.admin.post("/audit-targets", **(HOOK | wrong)).fields == list(wrong)


def test_only_admins_see_and_make_webhooks(keys: Keys) -> None:
    for api in (keys.developer, keys.viewer):
        assert api.get("/audit-targets").code == "permission_denied"
        assert api.post("/audit-targets", **HOOK).code == "permission_denied"
