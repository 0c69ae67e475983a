"""The board: what is where, the cord, and the line over which it hears that something changed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing.ledger.selectors import Recent, usage_recent
from console.live.board import NOT_FOUND, NOT_SIGNED_IN
from console.live.routing import sockets
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, HealthEvent, Upstream, UpstreamSchedule, Watch
from mcp_runtime.services.stopping import endpoint_stop
from tenants.models import Membership
from tests.billing.ships import Ships
from tests.conftest import Cast
from tests.console.api.conftest import Keys, keys
from tests.console.visitor import look_at
from tests.mcp_runtime.driving import in_console

__all__ = ["keys"]

BOUND_SECONDS = 5
ORIGIN = "http://localhost:8000"


@pytest.fixture
def pets(cast: Cast, endpoint: Endpoint) -> Upstream:
    """An upstream that went down a while ago."""
    with tenant_context(cast.tenant.id):
        upstream = Upstream.objects.create(
            tenant=cast.tenant,
            endpoint=endpoint,
            slug="pets",
            name="Pets",
            kind="openapi",
            health="down",
            health_reason="It refuses <b>connections</b>.",
        )
        Watch.objects.create(tenant=cast.tenant, upstream=upstream, looked_at=timezone.now(), took_ms=12)
        HealthEvent.objects.create(
            tenant=cast.tenant,
            upstream=upstream,
            before="ok",
            after="down",
            reason="It refuses.",
            evidence="probe",
            at=timezone.now(),
            seconds=60,
        )
    return upstream


def _quarantine(upstream: Upstream) -> None:
    with tenant_context(upstream.tenant_id):
        Upstream.objects.update(quarantined_at=timezone.now())


def test_it_says_of_each_how_it_is_why_and_since_when(viewer: Client, base: str, pets: Upstream) -> None:
    response = viewer.get(f"{base}/live/")
    look_at(response)  # type: ignore[arg-type]  # the test client's subclass
    assert "1 of 1 not well" in response.text
    assert "It refuses &lt;b&gt;connections&lt;/b&gt;." in response.text
    assert "OK → Down" in response.text
    assert "12 ms" in response.text
    # Who may only look is offered nothing to do.
    assert "Look now" not in response.text
    assert "/stop/" not in response.text


def test_what_changed_alone_is_sent_to_a_board_that_is_open(viewer: Client, base: str, pets: Upstream) -> None:
    part = viewer.get(f"{base}/live/", headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert "Pets" in part.text


def test_it_says_how_many_calls_an_endpoint_had_of_late_and_how_many_failed(
    cast: Cast, viewer: Client, base: str, endpoint: Endpoint, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert "no calls in 5 min" in viewer.get(f"{base}/live/").text
    ships, now = Ships(cast.tenant, endpoint.pk), timezone.now()
    ships(now - timedelta(minutes=1), 3)
    ships(now - timedelta(minutes=4), 2, outcome="tool_error")
    ships(now - timedelta(minutes=6), 7)
    Ships(cast.tenant)(now, 9)  # of another endpoint
    assert "5 calls, 2 errors in 5 min" in viewer.get(f"{base}/live/").text
    with tenant_context(cast.tenant.id), django_assert_num_queries(1):
        assert usage_recent(now - timedelta(minutes=5))[endpoint.pk] == Recent(5, 2)


def test_nobody_reads_the_calls_of_another_tenant(cast: Cast, endpoint: Endpoint) -> None:
    Ships(cast.tenant, endpoint.pk)(timezone.now(), 3)
    with tenant_context(uuid4()):
        assert usage_recent(timezone.now() - timedelta(minutes=5)) == {}


def test_the_cord_is_pulled_with_a_message_and_let_go(alice: Client, base: str, endpoint: Endpoint) -> None:
    stop = f"{base}/live/{endpoint.slug}/stop/"
    look_at(alice.get(stop))  # type: ignore[arg-type]
    refused = alice.post(stop, {"message": " "})
    assert refused.status_code == 422
    stopped = alice.post(stop, {"message": "Back at noon."}, follow=True)
    look_at(stopped)  # type: ignore[arg-type]
    assert "Back at noon." in stopped.text
    assert "Let it go on" in stopped.text
    gone_on = alice.post(f"{base}/live/{endpoint.slug}/resume/", follow=True)
    assert "Back at noon." not in gone_on.text


def test_an_upstream_is_looked_at_when_somebody_says_so(alice: Client, base: str, pets: Upstream) -> None:
    response = alice.post(f"{base}/live/{pets.endpoint.slug}/pets/look/", follow=True)
    assert "Pets is looked at within a few seconds." in response.text
    assert UpstreamSchedule.objects.filter(upstream_id=pets.pk).exists()


def test_what_is_out_of_service_is_put_back_by_a_person(alice: Client, base: str, pets: Upstream) -> None:
    place = f"{base}/live/{pets.endpoint.slug}/pets"
    assert alice.post(f"{place}/release/").status_code == 409
    _quarantine(pets)
    assert "Put back" in alice.get(f"{base}/live/").text
    assert alice.post(f"{place}/look/").status_code == 409
    assert "Looked at before it is put back" in alice.post(f"{place}/release/", follow=True).text


def test_who_may_only_look_changes_nothing(viewer: Client, base: str, pets: Upstream) -> None:
    slug = pets.endpoint.slug
    for path in (f"{slug}/stop/", f"{slug}/resume/", f"{slug}/pets/look/", f"{slug}/pets/release/"):
        assert viewer.post(f"{base}/live/{path}", {"message": "x"}).status_code == 403


def test_the_same_over_the_api(keys: Keys, pets: Upstream) -> None:
    place = f"/endpoints/{pets.endpoint.slug}"
    assert keys.viewer.post(f"{place}/stop", message="x").code == "permission_denied"
    assert keys.developer.post(f"{place}/stop", message="").fields == ["message"]
    stopped = keys.developer.post(f"{place}/stop", message="Back at noon.")
    assert (stopped.status, stopped.body["stopped_message"]) == (200, "Back at noon.")
    assert keys.developer.post(f"{place}/resume").body["stopped_at"] is None
    events = keys.viewer.get(f"{place}/upstreams/pets/health").body
    assert [(event["before"], event["after"]) for event in events["items"]] == [("ok", "down")]
    assert keys.developer.post(f"{place}/upstreams/pets/look").status == 202
    assert keys.developer.post(f"{place}/upstreams/pets/release").code == "conflict"
    _quarantine(pets)
    assert keys.viewer.post(f"{place}/upstreams/pets/release").code == "permission_denied"
    assert keys.developer.post(f"{place}/upstreams/pets/release").status == 202


def _cookies(client: Client) -> bytes:
    cookies: SimpleCookie = client.cookies
    return f"{settings.SESSION_COOKIE_NAME}={cookies[settings.SESSION_COOKIE_NAME].value}".encode()


@asynccontextmanager
async def _socket(client: Client | None, base: str, origin: str | None = ORIGIN) -> AsyncIterator[Any]:
    headers = [(b"cookie", _cookies(client))] if client else []
    headers += [(b"origin", origin.encode())] if origin else []
    line = WebsocketCommunicator(sockets, f"{base}/live/socket/", headers=headers)
    try:
        yield line
    finally:
        await line.disconnect()


async def _closed_with(line: Any) -> int:
    assert (await line.connect(BOUND_SECONDS))[0]
    event = await line.receive_output(BOUND_SECONDS)
    assert event["type"] == "websocket.close"
    return int(event["code"])


async def test_a_member_hears_when_it_commits(cast: Cast, viewer: Client, base: str, endpoint: Endpoint) -> None:
    def stop() -> None:
        with tenant_context(cast.tenant.id):
            actor = cast.acting_inside(cast.alice, cast.tenant)
            endpoint_stop(actor=actor, endpoint_slug=endpoint.slug, message="Back at noon.")

    async with _socket(viewer, base) as line:
        assert (await line.connect(BOUND_SECONDS))[0]
        assert await line.receive_json_from(BOUND_SECONDS) == {"kind": "changed"}
        await in_console(stop)
        assert await line.receive_json_from(BOUND_SECONDS) == {"kind": "changed"}
        await line.send_to(text_data="?")
        assert await line.receive_json_from(BOUND_SECONDS) == {"kind": "here"}


async def test_strangers_and_those_who_are_not_signed_in_hear_nothing(charlie: Client, base: str) -> None:
    async with _socket(charlie, base) as line:
        assert await _closed_with(line) == NOT_FOUND
    async with _socket(None, base) as line:
        assert await _closed_with(line) == NOT_SIGNED_IN


@pytest.mark.parametrize("origin", ["https://evil.example.com", None])
async def test_pages_of_others_cannot_open_it(viewer: Client, base: str, origin: str | None) -> None:
    async with _socket(viewer, base, origin) as line:
        assert not (await line.connect(BOUND_SECONDS))[0]


async def test_who_is_a_member_no_more_hears_no_more(cast: Cast, bob: Client, base: str, endpoint: Endpoint) -> None:
    def remove_and_stop() -> None:
        with tenant_context(cast.tenant.id):
            Membership.objects.filter(user=cast.bob).delete()
            actor = cast.acting_inside(cast.alice, cast.tenant)
            endpoint_stop(actor=actor, endpoint_slug=endpoint.slug, message="Back at noon.")

    async with _socket(bob, base) as line:
        assert (await line.connect(BOUND_SECONDS))[0]
        assert await line.receive_json_from(BOUND_SECONDS) == {"kind": "changed"}
        await in_console(remove_and_stop)
        event = await line.receive_output(BOUND_SECONDS)
        assert (event["type"], event["code"]) == ("websocket.close", NOT_FOUND)
