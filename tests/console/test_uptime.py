"""Uptime as members see it, as everybody sees it, and as it is found out about a running worker."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from billing.models import StatusPage, UptimeDay, UptimeMonth, UptimeWatch, WatchedEndpoint
from billing.uptime.recording import evidence_of
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.status_page import status_page_set
from mcp_runtime.services.uptime import answers, uptime_look
from tests.conftest import Cast
from tests.console.runtime import running_runtime


@pytest.fixture
def endpoint(cast: Cast) -> Endpoint:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        return endpoint_create(actor=actor, slug="weather", name="Weather")


def publish(client: Client, base: str, **fields: Any) -> Any:
    said = {"name": "Acme", "endpoints": ["weather"], "published": "on", **fields}
    return client.post(f"{base}/uptime/status-page/", {key: one for key, one in said.items() if one}, follow=True)


def test_a_look_shows_what_is_up_and_what_somebody_stopped(cast: Cast, endpoint: Endpoint, settings: Any) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        endpoint_create(actor=actor, slug="stopped", name="Stopped")
        Endpoint.objects.filter(slug="stopped").update(stopped_at=endpoint.created_at, stopped_message="Later.")
    with running_runtime() as settings.RUNTIME_INTERNAL_URL:
        assert uptime_look([cast.tenant.pk]) == 1
        assert not answers(f"/t/{cast.tenant.slug}/nothing/mcp")
    with tenant_context(cast.tenant.pk):
        rows = {row.endpoint_id: evidence_of(row) for row in UptimeDay.objects.all()}
        names = dict(WatchedEndpoint.objects.values_list("slug", "endpoint_id"))
    up, stopped = rows[names["weather"]], rows[names["stopped"]]
    assert (up.up.bit_count(), up.excused) == (1, 0)
    assert (stopped.up, stopped.excused.bit_count()) == (0, 1)


def test_nobody_there_shows_nothing(cast: Cast, endpoint: Endpoint, settings: Any) -> None:
    settings.RUNTIME_INTERNAL_URL = "http://127.0.0.1:1"
    assert uptime_look([cast.tenant.pk, uuid4()]) == 0
    with tenant_context(cast.tenant.pk):
        assert evidence_of(UptimeDay.objects.get()).up == 0


def test_members_see_a_month_and_take_it_along(alice: Client, viewer: Client, base: str, endpoint: Endpoint) -> None:
    assert "Nothing was watched" in viewer.get(f"{base}/uptime/").text
    uptime_look([endpoint.tenant_id])
    for month in ("", "2026-13", "9999-12", "0000-01", "x" * 300, "2026-1a", "\x00"):
        assert "Weather" in alice.get(f"{base}/uptime/", {"month": month}).text
    assert "Nothing was watched" in alice.get(f"{base}/uptime/", {"month": "2020-01"}).text
    told = viewer.get(f"{base}/uptime/download/")
    assert told.text.splitlines()[1].startswith("weather,")
    assert "Status page" not in viewer.get(f"{base}/uptime/").text


def test_a_page_is_there_for_everybody_only_while_it_is_published(
    alice: Client, base: str, cast: Cast, endpoint: Endpoint
) -> None:
    stranger, public = Client(), f"/status/{cast.tenant.slug}/"
    assert stranger.get(public).status_code == stranger.get("/status/nobody-of-this-name/").status_code == 404
    publish(alice, base)
    assert UptimeWatch.objects.filter(tenant_id=cast.tenant.pk).exists()
    uptime_look([cast.tenant.pk])
    assert "Weather" in stranger.get(public).text
    told = stranger.get(f"{public}status.json").json()
    assert [(one["name"], one["minutes_counted"]) for one in told["endpoints"]] == [("Weather", 0)]
    publish(alice, base, published="")
    assert stranger.get(public).status_code == stranger.get(f"{public}status.json").status_code == 404


def test_only_chosen_endpoints_are_shown(alice: Client, base: str, cast: Cast, endpoint: Endpoint) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        endpoint_create(actor=actor, slug="secret", name="Secret plans")
    publish(alice, base)
    uptime_look([cast.tenant.pk])
    text = Client().get(f"/status/{cast.tenant.slug}/").text
    assert "Weather" in text
    assert "Secret plans" not in text
    with tenant_context(cast.tenant.pk):
        cast.tenant.delete_after = endpoint.created_at
        cast.tenant.save()
    assert Client().get(f"/status/{cast.tenant.slug}/").status_code == 404


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "This field is required."),
        ({"name": "A\u202eB"}, "characters that can be seen"),
        ({"endpoints": []}, "Choose at least one"),
        ({"endpoints": ["nothing"]}, "not one of the available choices"),
    ],
    ids=["no name", "hidden characters", "no endpoint", "unknown endpoint"],
)
def test_what_cannot_be_published(alice: Client, base: str, cast: Cast, fields: dict[str, Any], words: str) -> None:
    answer = publish(alice, base, **fields)
    assert (answer.status_code, words in answer.text) == (422, True)
    with tenant_context(cast.tenant.pk):
        assert not StatusPage.objects.exists()


def test_developers_publish_nothing_and_services_look_themselves(
    bob: Client, base: str, cast: Cast, endpoint: Endpoint
) -> None:
    assert publish(bob, base).status_code == 403
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk), pytest.raises(Refused) as caught:
        status_page_set(actor=actor, name="A", endpoint_slugs=["nothing"], published=True)
    assert caught.value.refusal.name == "invalid_input"


def test_a_month_that_is_over_says_what_was_promised(alice: Client, base: str, cast: Cast, endpoint: Endpoint) -> None:
    month = datetime.now(UTC).date().replace(day=1)
    uptime_look([endpoint.tenant_id])
    with tenant_context(cast.tenant.pk):
        terms = {"target": "99.9", "share": 25, "credit_cents": 749_75, "currency": "usd"}
        closed = UptimeMonth.objects.create(tenant=cast.tenant, month=month, endpoints=[], uptime="97.5", **terms)
    assert "$749.75 given back" in alice.get(f"{base}/uptime/").text
    with tenant_context(cast.tenant.pk):
        UptimeMonth.objects.filter(month=closed.month).update(uptime="99.95", share=0, credit_cents=0)
    assert "99.9 % was promised and kept" in alice.get(f"{base}/uptime/").text
