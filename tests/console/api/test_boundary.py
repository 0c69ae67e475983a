"""Whatever refuses a request answers with a problem document. A key opens the API, a cookie never."""

import pytest
from django.db import OperationalError
from django.test import Client

from console.api import tenant as tenant_routes
from core import refusals
from core.tenancy import tenant_context
from tenants.services.tenants import tenant_delete, tenant_restore
from tests.conftest import Cast
from tests.console.api.conftest import Api, Keys


def test_without_a_key_nothing_is_told() -> None:
    answer = Api("").get("/tenant")
    assert (answer.status, answer.code) == (401, "authentication_required")
    assert answer.response["WWW-Authenticate"] == 'Bearer realm="Joe Armstrong AGI MCP"'


@pytest.mark.parametrize("key", ["x", "aak_", "aak_" + "A" * 66, "amk_" + "A" * 43, "é" * 30])
def test_a_wrong_key_is_refused(key: str) -> None:
    answer = Api(key).get("/tenant")
    assert (answer.status, answer.code) == (401, "invalid_credentials")
    assert 'error="invalid_token"' in answer.response["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "aak_naked"])
def test_another_scheme_is_no_key(header: str) -> None:
    answer = Client().get("/api/v1/tenant", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["code"] == "authentication_required"


def test_a_session_does_not_open_the_api(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.alice)
    assert client.get("/api/v1/tenant").status_code == 401


def test_a_key_in_the_url_is_not_read(keys: Keys) -> None:
    assert Api("").get(f"/tenant?key={keys.owner.key}&access_token={keys.owner.key}").status == 401


@pytest.mark.parametrize(
    "path", ["/nothing", "/tenant/", "/", "/endpoints/a/b/c", "/members/not-an-id", "/endpoints/%00"]
)
def test_an_unknown_address_is_a_problem_too(keys: Keys, path: str) -> None:
    answer = keys.owner.get(path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "OPTIONS", "TRACE"])
def test_an_unknown_method_names_the_known_ones(keys: Keys, method: str) -> None:
    answer = keys.owner.send(method, "/tenant")
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.response["Allow"].split(", ")) == {"GET", "PATCH"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[1]", b'"text"', b"null", b"{'a': 1}", b'{"name": NaN}', b'{"name": 1e999}', b'{"name": "a", "name": "b"}',
     b'{"name": {"a": 1, "a": 2}}', b"\xff\xfe", b"[" * 100_000, b'{"name": ' + b"9" * 5000 + b"}", b'{"name": "a"} x'],
)  # fmt: skip
def test_what_is_not_one_json_object_is_malformed(keys: Keys, body: bytes) -> None:
    answer = keys.owner.send("PATCH", "/tenant", body)
    assert (answer.status, answer.code) == (400, "malformed_body")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", ""],
)
def test_another_content_type_is_refused(keys: Keys, content_type: str) -> None:
    answer = keys.owner.send("PATCH", "/tenant", b'{"name": "New"}', content_type)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_a_charset_beside_json_is_accepted(keys: Keys) -> None:
    assert keys.owner.send("PATCH", "/tenant", b'{"name": "New"}', "application/json; charset=utf-8").status == 200


def test_a_body_over_the_limit_is_refused(keys: Keys) -> None:
    answer = keys.owner.patch("/tenant", name="x" * 1024 * 1024)
    assert (answer.status, answer.code) == (413, "body_too_large")


def test_a_missing_body_is_invalid_input(keys: Keys) -> None:
    assert keys.owner.send("POST", "/endpoints").fields == ["body"]


@pytest.mark.parametrize(
    "body",
    [b'{"name": "\\u0000"}', b'{"name": "\\ud800"}', b'{"name": ' + b'{"a":' * 80 + b"1" + b"}" * 80 + b"}",
     b'{"name": 12345678901234567890}'],
)  # fmt: skip
def test_what_could_not_be_stored_is_named(keys: Keys, body: bytes) -> None:
    assert keys.owner.send("PATCH", "/tenant", body).fields == ["name"]


def test_our_own_failure_says_so_and_nothing_more(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> None:
        raise RuntimeError("a detail that is nobody's business")

    monkeypatch.setattr(tenant_routes, "entitlement_of", fail)
    answer = keys.owner.get("/plan")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"nobody's business" not in answer.response.content


def test_a_database_that_is_away_is_worth_another_try(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> None:
        raise OperationalError

    monkeypatch.setattr(tenant_routes, "entitlement_of", fail)
    answer = keys.owner.get("/plan")
    assert (answer.status, answer.code) == (503, "temporarily_unavailable")
    assert int(answer.response["Retry-After"]) > 0


def test_a_foreign_host_is_refused(keys: Keys) -> None:
    answer = keys.owner.client.get("/api/v1/tenant", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_answers_are_kept_by_no_cache_and_keep_the_security_headers(keys: Keys) -> None:
    for path in ("/tenant", "/nothing"):
        response = keys.owner.get(path).response
        assert response["Cache-Control"] == "no-store"
        assert response["X-Content-Type-Options"] == "nosniff"


def test_a_proper_request_id_is_kept_and_another_replaced(keys: Keys) -> None:
    for given, kept in (("abcdef-123456", True), ("short", False), ("a b\tc" * 5, False), ("x" * 65, False)):
        response = keys.owner.client.get("/api/v1/tenant", headers={"X-Request-Id": given})
        assert (response["X-Request-Id"] == given) is kept


def test_each_kind_of_problem_has_a_page(keys: Keys) -> None:
    listed = Api("").get("/problems").body["items"]
    assert {kind["code"] for kind in listed} == {refusal.name for refusal in refusals.ALL}
    kind = Api("").get("/problems/not_found").body
    assert keys.owner.get("/endpoints/absent").body["type"] == kind["type"]
    assert kind["type"].endswith("/api/v1/problems/not_found")
    assert Api("").get("/problems/absent").code == "not_found"


def test_a_tenant_that_is_being_deleted_is_read_and_restored_and_not_written(cast: Cast, keys: Keys) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tenant_delete(actor=actor)
    assert keys.viewer.get("/tenant").body["delete_after"] is not None
    answer = keys.owner.post("/endpoints", slug="e", name="E")
    assert (answer.status, answer.code) == (409, "tenant_being_deleted")
    with tenant_context(cast.tenant.id):
        tenant_restore(actor=actor)
    assert keys.owner.post("/endpoints", slug="e", name="E").status == 201
