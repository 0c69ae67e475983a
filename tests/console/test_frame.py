"""The front page, error pages, request ids, and what holds for every page."""

import logging

import pytest
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from billing.plans.selling import plans_on_sale
from config.urls import handler400, handler500
from core.request_ids import RequestIds, current
from tests.console.visitor import Visitor, look_at, signed_up

ACCOUNT_PAGES = [
    "email/", "password/change/", "2fa/", "2fa/totp/activate/", "2fa/webauthn/", "2fa/webauthn/add/", "sessions/",
    "logout/",
]  # fmt: skip
ENTRANCE_PAGES = [
    "login/", "signup/", "password/reset/", "inactive/", "password/reset/done/",
]  # fmt: skip


def test_the_front_page_says_what_it_is_and_names_every_plan() -> None:
    text = Visitor().get("/").content.decode()
    assert "MCP endpoints that stay up" in text
    assert all(plan.title in text for plan in plans_on_sale())
    assert "500,000" in text
    assert "$2,999" in text


@pytest.mark.parametrize("path", ENTRANCE_PAGES)
def test_a_page_for_everybody_keeps_the_rules(path: str) -> None:
    page = Visitor().get(f"/account/{path}")
    assert page.status_code == 200
    assert "console/console" in page.content.decode()


def test_every_page_of_an_account_keeps_the_rules_and_stands_in_the_console() -> None:
    visitor, _ = signed_up()
    for path in ACCOUNT_PAGES:
        page = visitor.get(f"/account/{path}")
        assert page.status_code == 200, path
        assert "data-theme-choice" in page.content.decode(), path


def test_every_address_of_the_account_pages_answers_in_our_frame() -> None:
    visitor, _ = signed_up()
    for route in _routes(get_resolver()):
        if route.startswith("account/") and "<" not in route and "(" not in route and "download" not in route:
            page = visitor.get(f"/{route}")
            assert page.status_code in {200, 404, 405}, route
            assert (
                page.status_code == 405 or "console/console" in page.content.decode() or "json" in page["Content-Type"]
            )


def _routes(resolver: URLResolver, prefix: str = "") -> list[str]:
    found: list[str] = []
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        found += [route] if isinstance(pattern, URLPattern) else _routes(pattern, route)
    return found


def test_an_unknown_address_gets_a_page_with_the_request_id() -> None:
    response = Client().get("/no/such/page", headers={"X-Request-Id": "from-the-proxy-1"})
    look_at(response)  # type: ignore[arg-type]
    assert response.status_code == 404
    assert response["X-Request-Id"] == "from-the-proxy-1"
    assert "from-the-proxy-1" in response.content.decode()


def test_a_request_id_that_could_forge_a_log_line_is_replaced() -> None:
    response = Client().get("/", headers={"X-Request-Id": "x\n[ERROR] forged"})
    assert response["X-Request-Id"].isalnum()


def test_a_host_that_is_not_ours_gets_a_page_of_ours() -> None:
    response = Client().get("/account/login/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert "This request does not make sense" in response.content.decode()


@pytest.mark.parametrize(("handler", "status"), [(handler400, 400), (handler500, 500)])
def test_a_failure_page_needs_nothing_that_may_have_failed(handler: object, status: int) -> None:
    request: HttpRequest = RequestFactory().get("/")
    request.request_id = "the-id-in-the-log"  # type: ignore[attr-defined]
    response = handler(request, ValueError()) if status == 400 else handler(request)  # type: ignore[operator]
    assert response.status_code == status
    assert "the-id-in-the-log" in response.content.decode()


def test_a_line_logged_while_a_request_is_served_carries_its_id() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "served", None, None)
    token = current.set("abc")
    RequestIds().filter(record)
    current.reset(token)
    assert record.__dict__["request"] == " [abc]"
    RequestIds().filter(record)
    assert record.__dict__["request"] == ""
