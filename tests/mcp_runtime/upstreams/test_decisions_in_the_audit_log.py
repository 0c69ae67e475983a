"""What is decided on imported definitions is in the audit log, one event for each act."""

from mcp_runtime.services.definitions import definitions_choose
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.sources.upstream import Discovery
from tenants.models import AuditEvent
from tests.mcp_runtime.upstreams.conftest import SLUG, Desk


def _tools(*names: str) -> Discovery:
    return Discovery(tools=[ToolDraft(name=name, input_schema={"type": "object"}) for name in names])


def _decided(desk: Desk) -> list[tuple[str, str, dict[str, str]]]:
    def read(_actor: object) -> list[AuditEvent]:
        return list(AuditEvent.objects.filter(target_kind="definition").order_by("sequence"))

    return [
        (event.action, event.target_name, {name: after for name, _before, after in event.changes})
        for event in desk.inside(read)
    ]


def _choose(desk: Desk, *, chosen: bool) -> None:
    ids = [definition.pk for definition in desk.definitions().values()]
    desk.inside(
        lambda actor: definitions_choose(
            actor=actor, endpoint_slug=desk.stage.endpoint.slug, upstream_slug=SLUG, ids=ids, chosen=chosen
        )
    )


def test_each_act_is_one_event_with_how_many_and_their_names(desk: Desk) -> None:
    desk.paper.discovery = _tools("cat", "dog")
    desk.create()
    desk.run()
    assert _decided(desk) == []
    desk.approve()
    desk.approve()  # nothing waits any more: nothing is decided
    _choose(desk, chosen=False)
    _choose(desk, chosen=True)
    desk.curate("cat", {"name": "puss"})
    both = {"count": "2", "names": "cat, dog"}
    assert _decided(desk) == [
        ("definition.approved", SLUG, both),
        ("definition.withdrawn", SLUG, both),
        ("definition.served", SLUG, both),
        ("definition.curated", SLUG, {"count": "1", "names": "cat"}),
    ]


def test_so_is_what_an_import_approves_by_itself(desk: Desk) -> None:
    desk.paper.discovery = _tools("cat")
    desk.create()
    desk.run(approves_clean=True)
    assert _decided(desk) == [("definition.approved", SLUG, {"count": "1", "names": "cat"})]


def test_many_names_are_cut(desk: Desk) -> None:
    desk.paper.discovery = _tools(*(f"tool_{number:04}" for number in range(90)))
    desk.create()
    desk.run()
    desk.approve()
    ((_action, _slug, told),) = _decided(desk)
    assert told["count"] == "90"
    assert len(told["names"]) == 300
