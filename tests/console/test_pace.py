"""Logins, provisioning and authorization ask from where they are asked, and how often."""

import pytest
from django.test import Client
from pytest_django import Settings

from console import pace
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.models import Tenant
from tests.conftest import Cast
from tests.console.conftest import signed_in
from tests.console.oauth.flows import Flow, error_of, question_on
from tests.console.oauth.test_devices import device_of
from tests.console.sso.conftest import Desk, host, person_in, sso
from tests.console.test_scim import Provider, provider_of

__all__ = ["host", "sso"]  # fixtures

ELSEWHERE = "192.0.2.0/24"
FEW = 3


def _only_from(cast: Cast, **lists: list[str]) -> None:
    with tenant_context(cast.tenant.id):
        Tenant.objects.update(**lists)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little is allowed."""
    for what in pace.MOST:
        monkeypatch.setitem(pace.MOST, what, FEW)


def _from(address: str, **more: str) -> Client:
    return Client(REMOTE_ADDR=address, **more)  # type: ignore[arg-type]  # further keys of the WSGI environment


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("way", ["direct", "discover", "begin"])
def test_logins_begin_so_often_from_an_address_and_no_more(sso: Desk, way: str) -> None:
    address = {"direct": "10.9.0.1", "discover": "10.9.0.2", "begin": "10.9.0.3"}[way]

    def start(number: int) -> int:
        # What a client writes into X-Forwarded-For is nobody's address: no proxy of ours is in front.
        browser = _from(address, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        if way == "discover":
            return browser.post("/sso/", {"email": f"dora@{sso.domain}"}).status_code
        path = sso.start if way == "direct" else f"{sso.start}{sso.connection.pk}/"
        return browser.get(path).status_code

    answers = [start(number) for number in range(FEW + 2)]
    assert answers == [200] * FEW + [429] * 2
    assert _from("10.9.0.9").get(sso.start).status_code == 200


@pytest.mark.usefixtures("few")
def test_behind_a_proxy_each_client_counts_for_itself(sso: Desk, settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    def start(forwarded: str) -> int:
        return _from("10.9.1.1", HTTP_X_FORWARDED_FOR=forwarded).get(sso.start).status_code

    assert [start("203.0.113.7") for _ in range(FEW)] == [200] * FEW
    # The last one is what the proxy saw; what stands before it the client wrote itself.
    assert start("198.51.100.1, 203.0.113.7") == 429
    assert start("203.0.113.8") == 200


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("place", ["acs", "callback"])
def test_answers_come_so_often_and_no_more(sso: Desk, place: str) -> None:
    browser = _from("10.9.2.1" if place == "acs" else "10.9.2.2")
    path = f"{sso.base}/{place}"
    answers = [browser.post(path) if place == "acs" else browser.get(path) for _ in range(FEW + 1)]
    assert [answer.status_code for answer in answers] == [400] * FEW + [429]
    assert answers[-1]["Retry-After"]


@pytest.mark.usefixtures("few")
def test_tokens_that_are_none_are_counted_and_the_provider_is_not_shut_out(cast: Cast) -> None:
    provider = provider_of(cast)
    guesser = Provider(provider.connection, provider.secret[:-3] + "xyz")
    answers = [guesser.send("GET", "/Users", **{"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(FEW + 2)]
    assert [answer.status_code for answer in answers] == [401] * FEW + [429] * 2
    assert answers[-1].json()["status"] == "429"
    assert provider.send("GET", "/Users").status_code == 200


def test_nobody_is_kept_out_while_nobody_counts(sso: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_said: object, **_rest: object) -> bool:
        raise ConnectionError

    monkeypatch.setattr(pace, "is_within", away)
    assert Client().get(sso.start).status_code == 200


def test_who_is_elsewhere_does_not_sign_in(sso: Desk) -> None:
    browser, late = Client(), Client()
    asked = sso.begun(late)
    sso.provider.issues(asked["nonce"], email=f"dora@{sso.domain}")
    _only_from(sso.cast, console_networks=[ELSEWHERE])
    for path in (sso.start, f"{sso.start}{sso.connection.pk}/", f"{sso.base}/callback"):
        assert browser.get(path).status_code == 403
    assert browser.post("/sso/", {"email": f"dora@{sso.domain}"}).status_code == 403
    assert browser.post(f"{sso.base}/acs", {"SAMLResponse": "x"}).status_code == 403
    assert sso.back(late).status_code == 403
    assert person_in(late) is None
    assert _from("192.0.2.7").get(sso.start).status_code == 200
    assert browser.get(sso.start, headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403


def test_a_setup_link_opens_where_the_console_does(sso: Desk) -> None:
    cast = sso.cast
    made = signed_in(cast.alice).post(f"/t/{cast.tenant.slug}/sso/new/", {"name": "Second", "kind": "oidc"})
    page = signed_in(cast.alice).post(f"{made['Location']}links/").content.decode()
    path = page.partition("/sso/setup/")[2].partition('"')[0].partition("<")[0]
    link = f"/sso/setup/{path}"
    assert Client().get(link).status_code == 200
    _only_from(cast, console_networks=[ELSEWHERE])
    assert Client().get(link).status_code == 403
    assert Client().post(f"{link}try/").status_code == 403
    assert _from("192.0.2.7").get(link).status_code == 200


def test_who_is_elsewhere_provisions_nobody(cast: Cast) -> None:
    provider = provider_of(cast)
    _only_from(cast, console_networks=[ELSEWHERE])
    refused = provider.send("GET", "/Users")
    assert (refused.status_code, refused.json()["status"]) == (403, "403")
    assert provider.send("GET", "/Users", **{"X-Forwarded-For": "192.0.2.7"}).status_code == 403
    _only_from(cast, console_networks=["127.0.0.1/32"])
    assert provider.send("GET", "/Users").status_code == 200


def test_who_is_elsewhere_lets_no_client_in(cast: Cast, endpoint: Endpoint) -> None:
    flow, browser = Flow(cast.tenant, endpoint, address="192.0.2.9"), signed_in(cast.bob)
    assert flow.register().status_code == 201
    asked = flow.asked(browser)
    _only_from(cast, console_networks=[ELSEWHERE])
    assert flow.asked(browser).status_code == 403
    assert browser.post(f"{flow.base}/consent", {"question": "x", "answer": "allow"}).status_code == 403
    assert asked.status_code == 200


def test_who_is_elsewhere_lets_no_device_in(cast: Cast, endpoint: Endpoint) -> None:
    device, browser = device_of(cast, endpoint), signed_in(cast.bob)
    assert device.asks().status_code == 200
    said = {"question": question_on(device.typed(browser)), "answer": "allow"}
    _only_from(cast, console_networks=[ELSEWHERE])
    for refused in (device.typed(browser), browser.post("/device/answer", said)):
        assert refused.status_code == 403
        assert "certain networks only" in refused.content.decode()
    assert error_of(device.polls()) == "authorization_pending"
    _only_from(cast, console_networks=["127.0.0.0/8"])
    assert browser.post("/device/answer", said).status_code == 200


def test_programs_ask_for_tokens_where_endpoints_are_called_from(cast: Cast, endpoint: Endpoint) -> None:
    flow, browser = Flow(cast.tenant, endpoint, address="192.0.2.9"), signed_in(cast.bob)
    flow.register()
    tokens = flow.tokens(browser)
    _only_from(cast, endpoint_networks=["198.51.100.0/24"])
    refused = flow.refresh(tokens["refresh_token"])
    assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
    for name in ("token", "revoke", "introspect"):
        assert flow.post(name, {}).status_code == 403
    assert flow.register().status_code == 403
    # What leads to a login is told everywhere.
    assert flow.programs().get(f"{flow.base}/jwks").status_code == 200
    flow.address = "198.51.100.4"
    assert flow.refresh(tokens["refresh_token"]).status_code == 200
