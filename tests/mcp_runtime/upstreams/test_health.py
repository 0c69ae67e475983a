"""Upstreams are looked at when it is their turn; what that makes of their state is written, published and kept."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from mcp_runtime.health.quarantine import POLICY
from mcp_runtime.models import BoardState, Endpoint, HealthEvent, Upstream, UpstreamSchedule, Watch, board_state
from mcp_runtime.services.health import EVENTS_KEPT, events_purge, upstream_look, upstream_release
from mcp_runtime.services.probing import CALLS_FAIL, probes_perform
from mcp_runtime.services.upstreams import upstream_delete, upstream_switch
from mcp_runtime.services.watching import OF_A_TENANT, upstreams_due
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tenants.models import Tenant
from tests.mcp_runtime.upstreams.conftest import SLUG, Desk
from tests.mcp_runtime.upstreams.paper import Paper

REFUSES = UpstreamFailed("It refuses connections.")
REVOKED = UpstreamFailed("The token was revoked.", Health.NEEDS_LOGIN)
LONG_AGO = timezone.now() - timedelta(days=10_000)


def _look(desk: Desk, *failures: UpstreamFailed | None) -> list[HealthEvent]:
    """Probes the upstream once for each failure, or None, that it then has."""
    changes = []
    for failure in failures:
        desk.paper.failure = failure
        changes += probes_perform([(desk.stage.tenant.id, _stored(desk).pk)])
    return changes


def _stored(desk: Desk) -> Upstream:
    return desk.inside(lambda _actor: Upstream.objects.get(slug=SLUG))


def _changes(events: Sequence[HealthEvent]) -> list[tuple[str, str]]:
    return [(event.before, event.after) for event in events]


def _scheduled(upstream: Upstream) -> UpstreamSchedule | None:
    return UpstreamSchedule.objects.filter(upstream_id=upstream.pk).first()


def _age(desk: Desk, span: timedelta) -> None:
    """Has it been in its state for so long."""
    desk.inside(lambda _actor: Upstream.objects.update(health_since=timezone.now() - span))


def _quarantine(desk: Desk) -> None:
    _look(desk, REFUSES, REFUSES)
    _age(desk, POLICY.down_for)
    assert _changes(_look(desk, *[REFUSES] * POLICY.failures))[-1] == ("down", "quarantined")


def _version(desk: Desk) -> int:
    return desk.inside(lambda _actor: Endpoint.objects.get(pk=desk.stage.endpoint.pk).version)


def test_one_failure_changes_nothing_and_a_second_is_an_outage(desk: Desk) -> None:
    before = desk.create()
    version = _version(desk)
    assert _look(desk, None, REFUSES) == []
    assert _version(desk) == version
    (event,) = _look(desk, REFUSES)
    stored = _stored(desk)
    assert (event.before, event.after, event.reason, event.evidence) == (
        "ok",
        "down",
        "It refuses connections.",
        "probe",
    )
    assert (stored.health, stored.health_reason, stored.health_since) == ("down", "It refuses connections.", event.at)
    assert _version(desk) == version + 1
    # Nothing of what it is opened with has changed.
    assert (stored.revision, stored.updated_at) == (before.revision, before.updated_at)


def test_a_revoked_token_shows_within_one_probe_and_one_repair_ends_it(desk: Desk) -> None:
    desk.create()
    assert _changes(_look(desk, None, REVOKED, REVOKED, None)) == [("ok", "needs_login"), ("needs_login", "ok")]
    assert _stored(desk).health_reason == ""


def test_an_outage_ends_with_two_good_looks_and_its_length_is_kept(desk: Desk) -> None:
    desk.create()
    _look(desk, REFUSES, REFUSES)
    _age(desk, timedelta(minutes=5))
    (event,) = _look(desk, None, None)
    assert (event.before, event.after) == ("down", "ok")
    assert 300 <= event.seconds < 400


def test_probes_that_go_well_do_not_outweigh_calls_that_fail(desk: Desk) -> None:
    upstream = desk.create()
    UpstreamSchedule.objects.filter(upstream_id=upstream.pk).update(calls_failed_at=timezone.now())
    (event,) = _look(desk, None, None)
    assert (event.after, event.reason, event.evidence) == ("degraded", CALLS_FAIL, "calls")
    UpstreamSchedule.objects.filter(upstream_id=upstream.pk).update(
        calls_failed_at=timezone.now() - timedelta(minutes=1)
    )
    assert _changes(_look(desk, None, None)) == [("degraded", "ok")]


def test_what_a_source_stumbles_over_is_said_and_others_are_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = desk.create(), desk.create("second", config={"odd": True})

    def destination(_paper: Paper, config: dict[str, object]) -> str:
        if config:
            raise RuntimeError("a detail that stays here")
        return "https://paper.example.com"

    monkeypatch.setattr(Paper, "destination", destination)
    pairs = [(upstream.tenant_id, upstream.pk) for upstream in (second, first)]
    assert [event.upstream_id for event in probes_perform(pairs) + probes_perform(pairs)] == [second.pk]
    reason = desk.inside(lambda _actor: Upstream.objects.get(pk=second.pk).health_reason)
    assert reason == "It cannot be looked at; the platform's log says why."


def test_what_changed_while_it_was_looked_at_is_judged_by_a_later_look(desk: Desk) -> None:
    desk.create()
    desk.paper.meanwhile = lambda: desk.update(config={"url": "https://elsewhere.example.com"})
    assert _look(desk, REVOKED) == []
    assert _stored(desk).health == "ok"
    scheduled = _scheduled(_stored(desk))
    assert scheduled is not None
    assert scheduled.wake_at < timezone.now() + timedelta(seconds=10)


def test_a_change_of_what_it_is_opened_with_has_it_looked_at_soon(desk: Desk) -> None:
    upstream = desk.create()
    _look(desk, REVOKED)
    before = _scheduled(upstream)
    desk.update(config={"url": "https://elsewhere.example.com"})
    after = _scheduled(upstream)
    assert before is not None
    assert after is not None
    assert after.wake_at < before.wake_at
    assert _changes(_look(desk, None)) == [("needs_login", "ok")]


def test_a_failure_is_looked_at_again_soon_and_an_outage_ever_more_rarely(desk: Desk) -> None:
    upstream = desk.create()
    pauses = []
    for _ in range(5):
        _look(desk, REFUSES)
        scheduled = _scheduled(upstream)
        assert scheduled is not None
        pauses.append((scheduled.wake_at - timezone.now()).total_seconds())
    assert pauses[0] < 7
    assert pauses[1] < 20 < pauses[2] < pauses[3] < pauses[4]


def test_who_is_due_is_lent_to_one_and_comes_back_when_that_one_dies(desk: Desk) -> None:
    upstream = desk.create()
    wanted = (upstream.tenant_id, upstream.pk)
    rows = UpstreamSchedule.objects.filter(upstream_id=upstream.pk)
    rows.update(wake_at=LONG_AGO)
    assert wanted in upstreams_due()
    assert wanted not in upstreams_due()
    rows.update(leased_until=LONG_AGO)
    assert wanted in upstreams_due()


def test_no_tenant_has_more_than_its_share_looked_at_at_once(desk: Desk) -> None:
    made = [desk.create(f"u{number}") for number in range(OF_A_TENANT + 3)]
    rows = UpstreamSchedule.objects.filter(tenant_id=desk.stage.tenant.id)
    rows.update(wake_at=LONG_AGO)
    mine = [upstream_id for tenant_id, upstream_id in upstreams_due() if tenant_id == desk.stage.tenant.id]
    assert len(mine) == OF_A_TENANT
    assert desk.stage.tenant.id not in {tenant_id for tenant_id, _ in upstreams_due()}
    probes_perform([(desk.stage.tenant.id, upstream_id) for upstream_id in mine[:2]])
    left = {upstream.pk for upstream in made} - set(mine)
    again = {upstream_id for tenant_id, upstream_id in upstreams_due() if tenant_id == desk.stage.tenant.id}
    assert len(again) == 2
    assert again < left


def test_what_is_off_or_gone_is_not_looked_at(desk: Desk) -> None:
    upstream = desk.create()
    slug = desk.stage.endpoint.slug
    assert _scheduled(upstream)
    desk.inside(lambda actor: upstream_switch(actor=actor, endpoint_slug=slug, slug=SLUG, enabled=False))
    assert _scheduled(upstream) is None
    desk.inside(lambda actor: upstream_switch(actor=actor, endpoint_slug=slug, slug=SLUG, enabled=True))
    assert _scheduled(upstream)
    desk.inside(lambda actor: upstream_delete(actor=actor, endpoint_slug=slug, slug=SLUG))
    assert _scheduled(upstream) is None
    assert probes_perform([(upstream.tenant_id, upstream.pk)]) == []


def test_an_upstream_that_went_with_its_endpoint_leaves_the_schedule(desk: Desk) -> None:
    upstream = desk.create()
    desk.inside(lambda _actor: Endpoint.objects.filter(pk=desk.stage.endpoint.pk).delete())
    assert _scheduled(upstream)
    assert probes_perform([(upstream.tenant_id, upstream.pk)]) == []
    assert _scheduled(upstream) is None


def test_a_long_outage_ends_in_quarantine(desk: Desk) -> None:
    upstream = desk.create()
    _quarantine(desk)
    stored = _stored(desk)
    assert board_state(stored) == BoardState.QUARANTINED
    assert stored.health_reason.startswith("It has been down for 30 min")
    assert stored.health_reason.endswith("The last time: It refuses connections.")
    assert _scheduled(upstream) is None


def test_what_falls_again_and_again_is_quarantined(desk: Desk) -> None:
    desk.create()
    changes = []
    for _ in range(POLICY.falls):
        # Steady in between, or it would count as one long unsteadiness.
        changes += _look(desk, *[None] * 10, REFUSES, REFUSES)
    assert _changes(changes).count(("ok", "down")) == POLICY.falls
    assert _changes(changes[-1:]) == [("down", "quarantined")]


@pytest.mark.parametrize("health", [Health.NEEDS_LOGIN, Health.DENIED])
def test_who_needs_a_person_is_never_quarantined(desk: Desk, health: Health) -> None:
    desk.create()
    failure = UpstreamFailed("No.", health)
    _look(desk, failure)
    _age(desk, timedelta(days=30))
    assert _look(desk, *[failure] * (POLICY.failures + 1)) == []


def _release(desk: Desk) -> Upstream:
    slug = desk.stage.endpoint.slug
    return desk.inside(lambda actor: upstream_release(actor=actor, endpoint_slug=slug, slug=SLUG))


def test_a_person_puts_it_back_after_a_look_at_it(desk: Desk) -> None:
    upstream = desk.create()
    _quarantine(desk)
    assert _look(desk, None, None) == []
    _release(desk)
    assert _scheduled(upstream)
    (event,) = _look(desk, None)
    assert (event.before, event.after, event.evidence, event.person) == (
        "quarantined",
        "ok",
        "person",
        desk.stage.owner,
    )
    assert _stored(desk).quarantined_at is None
    assert _scheduled(upstream)


def test_it_stays_out_where_that_look_fails_and_says_why(desk: Desk) -> None:
    upstream = desk.create()
    _quarantine(desk)
    _release(desk)
    assert _look(desk, REFUSES) == []
    assert _stored(desk).quarantined_at is not None
    assert desk.inside(lambda _actor: Watch.objects.get(upstream=upstream).release_failed) == "It refuses connections."
    assert _scheduled(upstream) is None
    # Nobody asked again.
    assert _look(desk, None) == []


def test_who_needs_a_login_comes_back_as_that(desk: Desk) -> None:
    desk.create()
    _quarantine(desk)
    _release(desk)
    assert _changes(_look(desk, REVOKED)) == [("quarantined", "needs_login")]


def test_falls_before_it_was_put_back_do_not_count(desk: Desk) -> None:
    desk.create()
    for _ in range(POLICY.falls):
        _look(desk, *[None] * 10, REFUSES, REFUSES)
    _release(desk)
    assert _changes(_look(desk, None, REFUSES, REFUSES)) == [("quarantined", "ok"), ("ok", "down")]


def test_only_what_is_out_can_be_put_back_and_only_what_is_in_looked_at(desk: Desk) -> None:
    desk.create()
    slug = desk.stage.endpoint.slug
    with pytest.raises(Refused) as refused:
        _release(desk)
    assert refused.value.refusal is refusals.CONFLICT
    desk.inside(lambda actor: upstream_look(actor=actor, endpoint_slug=slug, slug=SLUG))
    _quarantine(desk)
    with pytest.raises(Refused) as refused:
        desk.inside(lambda actor: upstream_look(actor=actor, endpoint_slug=slug, slug=SLUG))
    assert refused.value.refusal is refusals.CONFLICT


def test_old_changes_are_forgotten(desk: Desk) -> None:
    desk.create()
    _look(desk, REVOKED, None)
    first = desk.inside(lambda _actor: HealthEvent.objects.earliest("at"))
    assert desk.inside(lambda _actor: events_purge(first.at + EVENTS_KEPT)) == 0
    assert desk.inside(lambda _actor: events_purge(timezone.now() + EVENTS_KEPT)) == 2


def test_a_tenant_that_is_being_deleted_is_left_alone(desk: Desk) -> None:
    upstream = desk.create()
    desk.inside(lambda actor: _delete_later(actor.tenant.pk))
    assert _look(desk, REVOKED) == []
    assert _scheduled(upstream)


def _delete_later(tenant_id: UUID) -> None:
    Tenant.objects.filter(pk=tenant_id).update(delete_after=timezone.now() + timedelta(days=1))
