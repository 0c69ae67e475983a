"""Every way in which a person is put out of a tenant, as whoever does it does it: over HTTP."""

from collections.abc import Callable

import httpx

from tests.leaving.held import PASSWORD, Held, Stage, csrf_of


def _page(stage: Stage, held: Held, act: str) -> int:
    path = f"/t/{stage.tenant}/team/{held.user_id}/{act}/"
    return stage.owner.post(path, data={"csrfmiddlewaretoken": csrf_of(stage.owner.get(path))}).status_code


def _rest(stage: Stage, method: str, path: str) -> int:
    headers = {"Authorization": f"Bearer {stage.told['admin_key']}"}
    return httpx.request(method, f"{stage.console}/api/v1/members/{path}", headers=headers, timeout=30).status_code


def _scim(stage: Stage, method: str, path: str, body: object = None) -> httpx.Response:
    url = f"{stage.console}/scim/v2/{stage.told['scim_id']}{path}"
    headers = {"Authorization": f"Bearer {stage.told['scim_token']}", "Content-Type": "application/scim+json"}
    return httpx.request(method, url, headers=headers, json=body, timeout=30)


def _scim_user(stage: Stage, held: Held) -> str:
    """The provider's name of somebody; it tells of them, where it has not yet."""
    user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": held.email, "active": True}
    return str(_scim(stage, "POST", "/Users", user).json()["id"])


def _scim_inactive(stage: Stage, held: Held) -> int:
    operation = {"op": "Replace", "path": "active", "value": "False"}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    return _scim(stage, "PATCH", f"/Users/{held.scim_id}", body).status_code


def _leaves(stage: Stage, held: Held) -> int:
    path = f"/t/{stage.tenant}/team/leave/"
    return held.browser.post(path, data={"csrfmiddlewaretoken": held.form_token}).status_code


def _closes(_stage: Stage, held: Held) -> int:
    said = {"csrfmiddlewaretoken": held.form_token, "confirmation": held.email}
    return held.browser.post("/account/close/", data=said).status_code


WAYS: dict[str, Callable[[Stage, Held], int]] = {
    "console": lambda stage, held: _page(stage, held, "deactivate"),
    "removal": lambda stage, held: _page(stage, held, "remove"),
    "rest": lambda stage, held: _rest(stage, "POST", f"{held.user_id}/deactivate"),
    "rest-removal": lambda stage, held: _rest(stage, "DELETE", held.user_id),
    "scim-inactive": _scim_inactive,
    "scim-delete": lambda stage, held: _scim(stage, "DELETE", f"/Users/{held.scim_id}").status_code,
    "leaves": _leaves,
    "closes": _closes,
}


def _provisioned(stage: Stage, held: Held) -> None:
    """Has the provider know somebody before it tells that they are gone."""
    held.scim_id = _scim_user(stage, held)


def _shown_again(_stage: Stage, held: Held) -> None:
    """Somebody shows that it is them, as closing an account asks of them."""
    path = "/account/reauthenticate/"
    said = {"csrfmiddlewaretoken": held.form_token, "password": PASSWORD}
    assert held.browser.post(path, data=said).status_code == 302


BEFORE = {"scim-inactive": _provisioned, "scim-delete": _provisioned, "closes": _shown_again}
