"""Devices without a browser (RFC 8628): their codes, the page where people type them, and what is not fallen for."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.authorization import device_codes, pace
from tenants.authorization.grant_types import DEVICE
from tenants.models import ClientGrant, DeviceCode, McpClient, Membership, Role
from tenants.services.tenants import tenant_create
from tests.conftest import Cast, unique
from tests.console.conftest import MakesEndpoint, signed_in
from tests.console.oauth.flows import FORM, Flow, error_of, question_on


@dataclass
class Device(Flow):
    """A device, and what it was given."""

    given: dict[str, Any] = field(default_factory=dict)

    def asks(self, **changed: str | None) -> Any:
        """Asks for codes; what is None is left out."""
        said: dict[str, str | None] = {"client_id": self.client_id, "scope": "mcp:call", "resource": self.resource}
        answer = self.post("device_authorization", {name: it for name, it in (said | changed).items() if it})
        self.given = answer.json()
        return answer

    def polls(self, **changed: str) -> Any:
        """Asks whether somebody has answered."""
        said = {"grant_type": DEVICE, "client_id": self.client_id, "device_code": self.given["device_code"]}
        return self.post("token", said | changed)

    def typed(self, browser: Client, code: str = "") -> Any:
        """What the person's browser shows once the code was typed."""
        return browser.post("/device", {"user_code": code or self.given["user_code"]})

    def answered(self, browser: Client, answer: str = "allow", **more: str) -> Any:
        """The person's whole way."""
        page = self.typed(browser)
        assert page.status_code == 200, page.content
        return browser.post("/device/answer", {"question": question_on(page), "answer": answer, **more})

    def row(self) -> DeviceCode:
        """What is stored."""
        with self.inside():
            return DeviceCode.objects.get(client__client_id=self.client_id)

    def changes(self, **values: Any) -> None:
        """Changes what is stored."""
        with self.inside():
            DeviceCode.objects.filter(client__client_id=self.client_id).update(**values)


def device_of(cast: Cast, endpoint: Endpoint) -> Device:
    """A device that registered itself."""
    made = Device(cast.tenant, endpoint)
    said = made.register(grant_types=[DEVICE, "refresh_token"], redirect_uris=None, response_types=[])
    assert said.status_code == 201, said.content
    assert said.json()["redirect_uris"] == []
    return made


@pytest.fixture
def device(cast: Cast, endpoint: Endpoint) -> Device:
    """A device that was given codes."""
    made = device_of(cast, endpoint)
    assert made.asks().status_code == 200
    return made


def test_metadata_says_where_devices_ask(device: Device) -> None:
    said = device.programs().get(f"/.well-known/oauth-authorization-server{device.base}").json()
    assert said["device_authorization_endpoint"] == f"{device.issuer}/device_authorization"
    assert DEVICE in said["grant_types_supported"]


def test_codes_are_as_the_rfc_has_them(device: Device) -> None:
    said = device.given
    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", said["user_code"])
    assert said["verification_uri_complete"] == f"{said['verification_uri']}?user_code={said['user_code']}"
    assert said["expires_in"] == 600
    assert said["interval"] == 5


def test_a_person_lets_a_device_in(device: Device, person: Client, cast: Cast) -> None:
    assert error_of(device.polls()) == "authorization_pending"
    page = device.typed(person).content.decode()
    for shown in (device.given["user_code"], device.resource, "Call its tools", "nobody vouches for its name"):
        assert shown in page
    assert "let in" in device.answered(person).content.decode()
    said = device.polls().json()
    claims = device.claims(said["access_token"])
    assert claims["sub"] == str(cast.bob.pk)
    assert claims["aud"] == device.resource
    assert claims["endpoint"] == str(device.endpoint.pk)
    assert said["scope"] == "mcp:call"
    assert device.refresh(said["refresh_token"]).status_code == 200
    with device.inside():
        assert [grant.origin for grant in ClientGrant.objects.all()] == ["device"]


def test_the_code_may_be_typed_in_any_form(device: Device, person: Client) -> None:
    plain = device.given["user_code"].replace("-", "")
    for typed in (plain, plain.lower(), f" {plain[:4]} {plain[4:]} "):
        assert "is it yours?" in device.typed(person, typed).content.decode()


def test_an_address_with_the_code_in_it_only_fills_it_in(device: Device, person: Client) -> None:
    page = person.get("/device", {"user_code": device.given["user_code"]}).content.decode()
    assert f'value="{device.given["user_code"]}"' in page
    assert "Let " not in page


def test_who_says_no_is_believed(device: Device, person: Client) -> None:
    device.answered(person, "deny")
    for _ in range(2):
        assert error_of(device.polls()) == "access_denied"
    with device.inside():
        assert not ClientGrant.objects.exists()
    assert device.typed(person).status_code == 422


def test_no_code_is_stored_as_it_is(device: Device) -> None:
    with device.inside():
        stored = str(list(DeviceCode.objects.values()))
    code = device.given["user_code"]
    for secret in (device.given["device_code"], code, code.replace("-", "")):
        assert secret not in stored


def test_who_asks_too_often_is_slowed_down_and_has_to_wait_longer(device: Device, person: Client) -> None:
    assert error_of(device.polls()) == "authorization_pending"
    assert error_of(device.polls()) == "slow_down"
    assert device.row().interval_seconds == 10
    device.changes(polled_at=timezone.now() - timedelta(seconds=7))
    assert error_of(device.polls()) == "slow_down"
    device.changes(polled_at=timezone.now() - timedelta(seconds=16))
    assert error_of(device.polls()) == "authorization_pending"
    device.answered(person)
    assert device.polls().status_code == 200


def test_an_old_code_is_good_for_nothing(device: Device, person: Client) -> None:
    device.changes(expires_at=timezone.now())
    assert error_of(device.polls()) == "expired_token"
    assert device.typed(person).status_code == 422


def test_a_code_that_grows_old_while_the_person_reads_is_not_granted(device: Device, person: Client) -> None:
    page = device.typed(person)
    device.changes(expires_at=timezone.now())
    answer = person.post("/device/answer", {"question": question_on(page), "answer": "allow"})
    assert answer.status_code == 410
    with device.inside():
        assert not ClientGrant.objects.exists()


def test_a_device_code_is_good_once_and_a_second_use_ends_the_grant(device: Device, person: Client) -> None:
    device.answered(person)
    tokens = device.polls().json()
    assert error_of(device.polls()) == "invalid_grant"
    assert error_of(device.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_an_answer_counts_once(device: Device, person: Client) -> None:
    page = device.typed(person)
    said = {"question": question_on(page), "answer": "deny"}
    assert person.post("/device/answer", said).status_code == 200
    assert person.post("/device/answer", said | {"answer": "allow"}).status_code == 410
    assert error_of(device.polls()) == "access_denied"


def test_a_question_is_answered_where_it_was_put(device: Device, person: Client, cast: Cast) -> None:
    question = question_on(device.typed(person))
    for browser in (signed_in(cast.bob), signed_in(cast.alice), signed_in(cast.charlie)):
        answer = browser.post("/device/answer", {"question": question, "answer": "allow"})
        assert answer.status_code == 410
    for forged in ("", "x", question[:-2], question + "A"):
        assert person.post("/device/answer", {"question": forged, "answer": "allow"}).status_code == 410
    assert error_of(device.polls()) == "authorization_pending"


def test_a_question_of_a_browser_is_no_answer_for_a_device(flow: Flow, device: Device, person: Client) -> None:
    question = question_on(flow.asked(person))
    assert person.post("/device/answer", {"question": question, "answer": "allow"}).status_code == 410
    device_question = question_on(device.typed(person))
    answer = person.post(f"{flow.base}/consent", {"question": device_question, "answer": "allow"})
    assert answer.status_code == 410


def test_a_device_code_is_its_own_clients(device: Device, cast: Cast, endpoint: Endpoint, person: Client) -> None:
    other = device_of(cast, endpoint)
    device.answered(person)
    assert error_of(device.polls(client_id=other.client_id)) == "invalid_grant"
    assert device.polls().status_code == 200


def test_codes_of_another_tenant_are_unknown(device: Device, charlie: Client, cast: Cast, person: Client) -> None:
    strangers = tenant_create(owner=cast.charlie, name=unique("Strangers"))
    assert device.typed(charlie).status_code == 422
    path = f"/oauth/{strangers.pk}/token"
    said = {"grant_type": DEVICE, "client_id": device.client_id, "device_code": device.given["device_code"]}
    assert error_of(device.programs().post(path, urlencode(said), content_type=FORM)) == "invalid_client"
    device.answered(person)
    with tenant_context(strangers.pk):
        assert not ClientGrant.objects.exists()


def test_tries_are_counted(device: Device, cast: Cast) -> None:
    guesser = signed_in(cast.join("guesser", Role.VIEWER))
    for _ in range(device_codes.TRIES):
        assert device.typed(guesser, "BBBB-BBBB").status_code == 422
    assert device.typed(guesser).status_code == 429


def test_who_is_signed_out_signs_in_first(device: Device) -> None:
    answer = Client().get("/device", {"user_code": device.given["user_code"]})
    assert answer["Location"].startswith("/account/login/?next=/device")


def test_a_viewer_lets_a_device_look_and_no_more(device: Device, cast: Cast) -> None:
    device.answered(signed_in(cast.join("vera", Role.VIEWER)))
    assert device.polls().json()["scope"] == "mcp:read"


def test_who_was_put_out_meanwhile_lets_nothing_in(device: Device, cast: Cast) -> None:
    leaver = cast.join("leaver", Role.DEVELOPER)
    device.answered(signed_in(leaver))
    with device.inside():
        Membership.objects.filter(user=leaver).update(deactivated_at=timezone.now())
    assert error_of(device.polls()) == "invalid_grant"


def test_a_revoked_device_is_told_no(device: Device, person: Client, alice: Client) -> None:
    device.answered(person)
    with device.inside():
        grant = ClientGrant.objects.get()
    alice.post(f"/t/{device.tenant.slug}/clients/grants/{grant.pk}/revoke/")
    assert error_of(device.polls()) == "access_denied"


def test_a_client_of_browsers_gets_no_codes(flow: Flow) -> None:
    answer = flow.post("device_authorization", {"client_id": flow.client_id})
    assert error_of(answer) == "unauthorized_client"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_id": "unknown"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "mcp:call\x00"}, "invalid_request"),
    ],
)
def test_what_no_codes_are_given_for(device: Device, changed: dict[str, str | None], error: str) -> None:
    assert error_of(device.asks(**changed)) == error


def test_polls_that_are_wrong(device: Device, person: Client, elsewhere: Flow) -> None:
    device.answered(person)
    assert error_of(device.polls(device_code="")) == "invalid_request"
    assert error_of(device.polls(device_code=device.given["user_code"])) == "invalid_grant"
    assert error_of(device.polls(device_code="amd_x")) == "invalid_grant"
    assert error_of(device.polls(resource=elsewhere.resource)) == "invalid_target"
    assert device.polls().status_code == 200


def test_a_flood_of_devices_is_slowed_down(device: Device) -> None:
    answers = [device.asks().status_code for _ in range(pace.PER_ADDRESS)]
    assert answers[-1] == 429


def test_removing_the_client_ends_what_waits(device: Device, person: Client) -> None:
    with device.inside():
        McpClient.objects.filter(client_id=device.client_id).delete()
    assert device.typed(person).status_code == 422
    assert error_of(device.polls()) == "invalid_client"


def test_where_a_device_names_no_endpoint_the_person_chooses(
    device: Device, make_endpoint: MakesEndpoint, person: Client
) -> None:
    other = Device(device.tenant, make_endpoint("Other"), client_id=device.client_id)
    device.asks(resource=None)
    page = device.typed(person)
    assert "Choose an endpoint" in page.content.decode()
    said = {"question": question_on(page), "answer": "allow"}
    for wrong in ("", "https://elsewhere.example/mcp"):
        assert person.post("/device/answer", said | {"resource": wrong}).status_code == 404
    assert person.post("/device/answer", said | {"resource": other.resource}).status_code == 200
    claims = device.claims(device.polls().json()["access_token"])
    assert claims["aud"] == other.resource
    assert claims["endpoint"] == str(other.endpoint.pk)


def test_who_registers_for_neither_way_is_refused(cast: Cast, endpoint: Endpoint) -> None:
    answer = Device(cast.tenant, endpoint).register(grant_types=["refresh_token"])
    assert error_of(answer) == "invalid_client_metadata"
    nameless = Device(cast.tenant, endpoint).register(grant_types=[DEVICE], redirect_uris=None, client_name=None)
    assert error_of(nameless) == "invalid_client_metadata"
