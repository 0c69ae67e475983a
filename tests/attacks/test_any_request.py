"""Whatever a stranger, a client or a provider sends to the console: an answer or a refusal, and never a 5xx."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.attacks.conftest import Stage
from tests.attacks.shapes import DEEP_JSON, JSON, KEYS, NUMBERS, TEXTS, examples, mutated, mutations, said, written
from tests.attacks.test_malformed import DEEP, jws_of
from tests.conftest import unique
from tests.console.oauth.document_host import document_host
from tests.console.oauth.flows import CALLBACK, FORM, Flow
from tests.console.test_scim import BULK, GROUP, PATCH, USER

SHARE = 10
pytestmark = pytest.mark.usefixtures("unpaced")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ATTRIBUTES = [
    "userName", "emails", "emails.value", 'emails[type eq "work"].value', "emails[primary eq true]", "meta.version",
    "meta.lastModified", "active", "name.familyName", f"{USER}:userName", f"{ENTERPRISE}:manager.value", ENTERPRISE,
    "groups", "id", "externalId", "displayName", "members", 'members[value eq "x"]', "members.$ref", "schemas",
    "password", "x509Certificates.value", "photos", "nickName", "$ref", "a.b.c", "urn:x:y", "",
]  # fmt: skip


def is_answered(answer: Any) -> None:
    """Whatever came of it, it was no failure of ours; nor was any part of it."""
    assert answer.status_code < 500, answer.content
    if "Operations" in (told := _object(answer)):
        assert all(int(one["status"]) < 500 for one in told["Operations"]), told


def sent(stage: Stage, method: str, path: str, body: Any) -> Any:
    """The answer to what a provisioning provider sends."""
    return stage.scim.send(method, path, written(body).encode())


def _object(answer: Any) -> dict[str, Any]:
    is_json = "json" in answer.headers.get("Content-Type", "") and answer.content
    told = answer.json() if is_json else {}
    return told if isinstance(told, dict) else {}


COMPARED = st.builds(
    lambda path, operator, value: f"{path} {operator} {json.dumps(value)}",
    st.sampled_from(ATTRIBUTES),
    st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "EQ", "in"]),
    TEXTS | NUMBERS | st.none() | st.booleans(),
)
FILTERS = st.recursive(
    COMPARED | st.sampled_from(ATTRIBUTES).map(lambda path: f"{path} pr"),
    lambda inside: st.one_of(
        st.builds("{} and {}".format, inside, inside),
        st.builds("{} or {}".format, inside, inside),
        st.builds("not ({})".format, inside),
        st.builds("({})".format, inside),
        st.builds("emails[{}]".format, inside),
    ),
    max_leaves=6,
)
SEARCHES = said(["sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes", "schemas"])


@examples(SHARE)
@given(st.sampled_from(["/Users", "/Groups", ""]), FILTERS | st.builds(mutated, FILTERS, st.integers(0)), SEARCHES)
def test_a_filter_of_scim_is_understood_or_refused(stage: Stage, path: str, text: str, search: dict[str, Any]) -> None:
    is_answered(stage.scim.send("GET", f"{path}?filter={quote(text.encode('utf-8', 'surrogatepass'))}"))
    is_answered(sent(stage, "POST", f"{path}/.search", {"filter": text, **search}))


VALUES = st.one_of(
    DEEP_JSON,
    said(["value", "type", "primary", "display", "$ref", "userName", "active", "emails", "members", ENTERPRISE]),
    st.lists(said(["value", "type", "primary", "display", "$ref", "operation"]), max_size=3),
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "Add", "REPLACE"]) | DEEP_JSON},
    optional={"path": st.sampled_from(ATTRIBUTES) | mutations(*ATTRIBUTES) | JSON, "value": VALUES},
)


@examples(SHARE)
@given(st.sampled_from(["Users", "Groups"]), st.lists(OPERATIONS, max_size=3), said(["schemas", "Operations", "id"]))
def test_a_patch_of_scim_is_carried_out_or_refused(
    stage: Stage, kind: str, operations: list[Any], more: dict[str, Any]
) -> None:
    provider = stage.scim
    user, group = f"/Users/{provider.user(f'{unique("fay")}@example.com')}", f"/Groups/{provider.group(unique('Ops'))}"
    told = {"schemas": [PATCH], "Operations": operations}
    for body in (told, told | more):
        is_answered(sent(stage, "PATCH", user if kind == "Users" else group, body))


RESOURCES = said(
    ["schemas", "userName", "displayName", "emails", "members", "active", "name", ENTERPRISE, "id", "meta"]
)
STEPS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]) | JSON,
        "path": st.sampled_from(["/Users", "/Groups", "/Users/bulkId:a", "/Bulk", "/Me", "Users", "/"]) | JSON,
    },
    optional={
        "bulkId": st.sampled_from(["a", "b"]) | JSON,
        "version": JSON,
        "data": st.one_of(
            DEEP_JSON,
            RESOURCES,
            RESOURCES.map(lambda made: {"schemas": [USER], "userName": unique("gus"), **made}),
            RESOURCES.map(lambda made: {"schemas": [GROUP], "displayName": unique("Ops"), **made}),
            st.lists(OPERATIONS, max_size=2).map(lambda told: {"schemas": [PATCH], "Operations": told}),
        ),
    },
)


@examples(SHARE)
@given(st.lists(STEPS, max_size=4), said(["failOnErrors", "schemas", "Operations"]))
def test_a_bulk_request_of_scim_is_carried_out_or_refused(stage: Stage, steps: list[Any], more: dict[str, Any]) -> None:
    is_answered(sent(stage, "POST", "/Bulk", {"schemas": [BULK], "Operations": steps}))
    is_answered(sent(stage, "POST", "/Bulk", {"schemas": [BULK], "Operations": steps} | more))
    for step in steps:
        is_answered(sent(stage, "POST", "/Users", step.get("data")))


PARAMETERS = [
    "client_id", "redirect_uri", "resource", "scope", "state", "response_type", "code_challenge",
    "code_challenge_method",
    "nonce", "prompt", "max_age", "claims", "request", "request_uri", "id_token_hint", "login_hint", "response_mode",
    "code", "code_verifier", "client_secret", "grant_type", "refresh_token", "device_code", "assertion", "audience",
    "client_assertion", "client_assertion_type", "subject_token", "subject_token_type", "requested_token_type",
    "actor_token", "token", "token_type_hint", "dpop_jkt", "user_code",
]  # fmt: skip
URIS = st.one_of(
    mutations(CALLBACK, "http://127.0.0.1:9/cb", "http://[::1]:9/cb", "com.example.app:/cb", "https://ä.example/"),
    TEXTS,
)


def fields_of(stage: Stage) -> st.SearchStrategy[dict[str, str]]:
    """Parameters of which some are what they should be, and some like it."""
    addresses = mutations(stage.public.resource, f"{stage.public.resource}?x", CALLBACK)
    values = st.one_of(
        TEXTS,
        URIS,
        addresses,
        mutations("mcp:call mcp:read", "authorization_code", "urn:ietf:params:oauth:grant-type:device_code"),
        st.sampled_from([jws_of('{"alg":"ES256"}', '{"sub":"x"}'), jws_of(DEEP, "{}"), jws_of('{"alg":[]}', "[]")]),
    )
    return st.dictionaries(st.sampled_from(PARAMETERS) | TEXTS, values, max_size=5)


@examples(SHARE)
@given(st.data())
def test_a_client_asks_for_any_redirect_resource_and_scope(stage: Stage, data: st.DataObject) -> None:
    fields = data.draw(fields_of(stage))
    usual = {"response_type": "code", "client_id": stage.public.client_id, "redirect_uri": CALLBACK}
    usual |= {"code_challenge": "x" * 43, "code_challenge_method": "S256", "resource": stage.public.resource}
    for asked in (fields, usual | fields):
        answer = stage.person.get(f"{stage.public.base}/authorize?{_encoded(asked)}")
        is_answered(answer)
        if answer.status_code == 302:
            assert answer["Location"].startswith((f"{CALLBACK}?", "/accounts/", "/t/")), "nobody is led elsewhere"


GRANTS = [
    "authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", "password", "",
]  # fmt: skip


@examples(SHARE)
@given(st.data(), st.sampled_from(GRANTS))
def test_a_program_posts_any_fields(stage: Stage, data: st.DataObject, grant: str) -> None:
    fields = data.draw(fields_of(stage))
    flow = stage.confidential
    known = {"grant_type": grant, "client_id": flow.client_id, "client_secret": flow.secret}
    for place in ("token", "revoke", "introspect", "device_authorization"):
        for asked in (fields, known | fields):
            answer = flow.programs().post(f"{flow.base}/{place}", _encoded(asked), content_type=FORM)
            is_answered(answer)
            assert answer["Content-Type"] == "application/json"


def _encoded(fields: dict[str, str]) -> str:
    return urlencode({_sent(name): _sent(value) for name, value in fields.items()})


def _sent(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


DESCRIBED = st.fixed_dictionaries(
    {},
    optional={
        "client_name": DEEP_JSON,
        "redirect_uris": st.lists(URIS, max_size=3) | DEEP_JSON,
        "grant_types": st.lists(st.sampled_from(GRANTS), max_size=3) | DEEP_JSON,
        "response_types": st.just(["code"]) | DEEP_JSON,
        "token_endpoint_auth_method": st.sampled_from(["none", "private_key_jwt", "client_secret_basic"]) | DEEP_JSON,
        "jwks": st.fixed_dictionaries({"keys": st.lists(KEYS, max_size=3)}) | DEEP_JSON,
        "jwks_uri": URIS | DEEP_JSON,
        "scope": DEEP_JSON,
        "client_id": DEEP_JSON,
        "logo_uri": DEEP_JSON,
        "software_statement": DEEP_JSON,
    },
)


@examples(SHARE)
@given(DESCRIBED)
def test_a_client_registers_as_anything(stage: Stage, described: dict[str, Any]) -> None:
    told = {"client_name": "x", "redirect_uris": [CALLBACK], **described}
    for body in (described, told):
        answer = stage.public.programs().post(
            f"{stage.public.base}/register", written(body), content_type="application/json"
        )
        is_answered(answer)
        assert answer.status_code in {201, 400, 413}


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A host of clients' documents."""
    folder: Path = tmp_path_factory.mktemp("identity")
    with pytest.MonkeyPatch.context() as patch, document_host(folder, patch) as running:
        yield running


@examples(SHARE)
@given(
    DESCRIBED,
    st.tuples(
        st.sampled_from([200, 204, 301, 404, 500]),
        mutations("max-age=7200", "no-store, max-age=99999999999") | st.just("max-age=60"),
        mutations("application/json", "application/x+json; charset=utf-8"),
    ),
    st.none() | st.binary(max_size=60),
)
def test_a_document_of_a_client_says_anything(
    stage: Stage, papers: Any, described: dict[str, Any], how: tuple[int, str, str], body: bytes | None
) -> None:
    status, control, kind = how
    headers = {"Cache-Control": _header(control), "Content-Type": _header(kind)}
    for changed in ({name: value for name, value in described.items() if name != "client_id"}, described):
        url = papers.describes()
        path = url.removeprefix(papers.origin)
        document = {"client_id": url, "client_name": "x", "redirect_uris": [CALLBACK], **changed}
        papers.says(path, written(document).encode() if body is None else body)
        papers.answers[path] = (status, papers.answers[path][1], headers)
        guest = Flow(stage.cast.tenant, stage.public.endpoint, client_id=url)
        is_answered(guest.asked(stage.person))
        papers.answers[path] = (200, papers.answers[path][1], {"Content-Type": "application/json"})
        is_answered(guest.asked(stage.person))


def _header(text: str) -> str:
    return "".join(character for character in text if character.isascii() and character.isprintable())


@examples(SHARE)
@given(mutations("BCDF-GHJK", "bcdfghjk", "BCDFGHJKLMNPQRSTVWXZ") | TEXTS)
def test_a_person_types_any_code_of_a_device(stage: Stage, typed: str) -> None:
    is_answered(stage.person.get(f"/device?{_encoded({'user_code': typed})}"))
    is_answered(stage.person.post("/device", _encoded({"user_code": typed}), content_type=FORM))
    is_answered(stage.person.post("/device/answer", _encoded({"question": typed}), content_type=FORM))


HEADERS = ["Authorization", "DPoP", "X-Forwarded-For", "Forwarded", "Host", "Accept", "Origin", "Cookie", "If-Match",
           "Content-Type", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-Id", "Accept-Language", "Referer",
           "User-Agent", "Content-Length", "MCP-Protocol-Version"]  # fmt: skip
HEADER_VALUES = st.one_of(
    mutations(
        "Bearer aak_x", "Basic YTpi", f"DPoP {jws_of('{}', '{}')}", "192.0.2.1, 2001:db8::1", "localhost:8000",
        "for=192.0.2.1;proto=https;host=a", "application/json; charset=utf-8", 'W/"1", "x"', "a=b; c=d", "de;q=0.5",
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40),
)  # fmt: skip


@examples(SHARE)
@given(st.dictionaries(st.sampled_from(HEADERS), HEADER_VALUES, max_size=4))
def test_a_request_has_any_headers(stage: Stage, headers: dict[str, str]) -> None:
    """As a server hands them over: bytes as Latin-1, without ends of lines."""
    sent = {name: _latin(value) for name, value in headers.items()}
    environ: dict[str, Any] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.items()}
    browser, flow = Client(), stage.confidential
    for path in (f"{flow.base}/token", f"{flow.base}/revoke", "/accounts/login/", "/device"):
        for form in ({"grant_type": "client_credentials", "token": "x"}, {}):
            is_answered(browser.post(path, urlencode(form), content_type=FORM, **environ))
    for path in ("/home/", f"/scim/v2/{stage.scim.connection.pk}/Users", "/api/v1/endpoints", f"{flow.base}/jwks"):
        is_answered(browser.get(path, **environ))


def _latin(text: str) -> str:
    kept = text.replace("\r", "").replace("\n", "").replace("\0", "")
    return kept.encode("utf-8", "replace").decode("latin-1")
