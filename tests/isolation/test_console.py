"""A stranger finds nothing, changes nothing and reads nothing, on every page and every API route that there is."""

import itertools
import json
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client

from tests.isolation.probes import EXEMPT, PROBES, Probe, is_exempt, missing
from tests.isolation.routes import Route, all_routes
from tests.isolation.stage import Belongings, Stage

ROUTES = all_routes()
PROBED = [route for route in ROUTES if route.parameters and not is_exempt(route) and not missing(route)]
PLAIN = [route for route in ROUTES if not route.parameters and not is_exempt(route)]
# In which a person acts who is signed in.
PAGES = [route for route in PROBED if not route.template.startswith("api/") and not PROBES[route.template].by_link]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
API = "api/"


def _id(route: Route) -> str:
    return route.template or "/"


def _is_api(route: Route) -> bool:
    return route.template.startswith(API)


def _send(client: Client, method: str, path: str, probe: Probe, *, api: bool) -> Any:
    if not api:
        return client.generic(method, path, content_type="application/x-www-form-urlencoded")
    return client.generic(method, path, json.dumps(probe.bodies.get(method, {})), content_type="application/json")


def _client(stage: Stage, who: Belongings, route: Route) -> Client:
    if _is_api(route):
        return Client(headers={"Authorization": f"Bearer {who.api_secret}"})
    return stage.browser(who.owner)


def _values(probe: Probe, owners: dict[str, Belongings]) -> dict[str, str]:
    return {
        parameter: name[1:] if name.startswith("=") else owners[parameter].value(name)
        for parameter, name in probe.fills.items()
    }


def _mixtures(stage: Stage, probe: Probe) -> list[dict[str, str]]:
    """Every way to fill the parameters from both tenants with at least one of Alice's."""
    owned = [parameter for parameter, name in probe.fills.items() if not name.startswith("=")]
    whole = [
        dict(zip(owned, owners, strict=True))
        for owners in itertools.product((stage.alice, stage.charlie), repeat=len(owned))
        if stage.alice in owners and not (probe.by_link and set(owners) == {stage.alice})
    ]
    return [_values(probe, owners) for owners in whole]


def _body(response: HttpResponseBase) -> str:
    return b"".join(response).decode("utf-8", "replace")


def _allowed(stage: Stage, route: Route, probe: Probe) -> set[str]:
    """The methods that a route takes, as it says itself to its owner."""
    path = route.path(_values(probe, dict.fromkeys(probe.fills, stage.alice)))
    answer = _client(stage, stage.alice, route).generic("BREW", path)
    assert answer.status_code == 405, f"{route.template}: let it say which methods it takes (require_http_methods)"
    return {method.strip() for method in answer["Allow"].split(",")} & set(METHODS)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.parameters], ids=_id)
def test_every_route_with_parameters_has_a_probe(route: Route) -> None:
    assert is_exempt(route) or not missing(route), missing(route)


def test_every_probe_and_every_exemption_is_of_a_route() -> None:
    templates = [route.template for route in ROUTES]
    assert not [template for template in PROBES if template not in templates]
    assert not [part for part in EXEMPT if not any(template.startswith(part) for template in templates)]


@pytest.mark.parametrize("route", PROBED, ids=_id)
def test_a_stranger_finds_nothing(standing_stage: Stage, route: Route) -> None:
    stage, probe = standing_stage, PROBES[route.template]
    before = stage.rows()
    taken = _allowed(stage, route, probe)
    client = _client(stage, stage.charlie, route)
    mixtures = _mixtures(stage, probe)
    # The first is wholly Alice's: there, methods that the route does not take are tried as well.
    for method, values in [*itertools.product(sorted(taken), mixtures), *((other, mixtures[0]) for other in METHODS)]:
        answer = _send(client, method, route.path(values), probe, api=_is_api(route))
        expected = probe.refusals if method in taken else probe.refusals | {405}
        assert answer.status_code in expected, (method, values, answer.status_code)
        assert stage.mark not in _body(answer), (method, values)
        assert stage.mark not in str(answer.headers)
    assert stage.rows() == before


@pytest.mark.parametrize("route", PROBED, ids=_id)
def test_whoever_is_not_signed_in_is_sent_to_sign_in(standing_stage: Stage, route: Route) -> None:
    stage, probe = standing_stage, PROBES[route.template]
    before, path = stage.rows(), route.path(_values(probe, dict.fromkeys(probe.fills, stage.alice)))
    for method in _allowed(stage, route, probe):
        answer = _send(Client(), method, path, probe, api=_is_api(route))
        if _is_api(route):
            assert answer.status_code == 401
        elif not probe.by_link:
            assert answer.status_code == 302
            assert answer["Location"].startswith("/account/login/")
        assert stage.mark not in _body(answer) or probe.by_link
    assert stage.rows() == before


@pytest.mark.parametrize("route", PROBED, ids=_id)
def test_the_owner_is_served_there(standing_stage: Stage, route: Route) -> None:
    """The control: a probe whose path led nowhere would prove nothing."""
    stage, probe = standing_stage, PROBES[route.template]
    taken = _allowed(stage, route, probe)
    client = _client(stage, stage.alice, route)
    path = route.path(_values(probe, dict.fromkeys(probe.fills, stage.alice)))
    for method in [method for method in METHODS if method in taken]:
        answer = _send(client, method, path, probe, api=_is_api(route))
        known = answer.status_code < 500 and answer.status_code not in {401, 404, 405, 429}
        assert known, (method, answer.status_code)
        assert answer.status_code != 403 or probe.by_link


@pytest.mark.parametrize("route", PLAIN, ids=_id)
def test_a_route_without_parameters_tells_only_ones_own(standing_stage: Stage, route: Route) -> None:
    stage, before = standing_stage, standing_stage.rows()
    client = _client(stage, stage.charlie, route)
    for path in (route.path({}), f"{route.path({})}?{_query(stage.alice)}"):
        answer = client.get(path)
        assert answer.status_code < 500
        assert stage.mark not in _body(answer)
    assert stage.rows() == before


@pytest.mark.parametrize("route", PAGES, ids=_id)
def test_foreign_ids_in_query_and_form_open_nothing(standing_stage: Stage, route: Route) -> None:
    """In his own tenant Charlie may do as he likes; naming what is Alice's there shows and changes nothing of hers."""
    stage, probe, before = standing_stage, PROBES[route.template], standing_stage.rows()
    client = _client(stage, stage.charlie, route)
    path = route.path(_values(probe, dict.fromkeys(probe.fills, stage.charlie)))
    for method in sorted(_allowed(stage, route, probe)):
        form = stage.alice.ids() | {"user_id": stage.alice.user, "to": stage.alice.user, "confirm": stage.alice.tenant}
        answer = (client.get if method == "GET" else client.post)(f"{path}?{_query(stage.alice)}", form)
        assert answer.status_code < 500
        assert stage.mark not in _body(answer)
    assert stage.rows() == before


def test_a_session_of_one_tenant_and_a_key_of_another_do_not_add_up(standing_stage: Stage) -> None:
    stage = standing_stage
    client = stage.browser(stage.charlie.owner)
    headers = {"Authorization": f"Bearer {stage.alice.api_secret}"}
    assert client.get(f"/t/{stage.alice.tenant}/", headers=headers).status_code == 404
    signed_in = stage.browser(stage.alice.owner)
    headers = {"Authorization": f"Bearer {stage.charlie.api_secret}"}
    answer = signed_in.get(f"/api/v1/endpoints/{stage.alice.endpoint}", headers=headers)
    assert answer.status_code == 404


def test_an_access_key_opens_no_api_route(standing_stage: Stage) -> None:
    stage = standing_stage
    for secret in (stage.alice.access_secret, stage.charlie.access_secret):
        answer = Client().get("/api/v1/tenant", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 401


def test_an_api_key_opens_no_page(standing_stage: Stage) -> None:
    stage = standing_stage
    headers = {"Authorization": f"Bearer {stage.alice.api_secret}"}
    assert Client().get(f"/t/{stage.alice.tenant}/", headers=headers).status_code == 302


def _query(who: Belongings) -> str:
    return "&".join(f"{name}={value}" for name, value in who.ids().items() if not name.endswith("secret"))
