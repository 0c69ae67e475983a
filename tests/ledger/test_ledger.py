"""The ledger agrees with the tests, both ways, with the revisions that are served, and with what the protocol has."""

import re

import pytest

from mcp_runtime.protocol.revisions import ALL
from tests.ledger.entries import LEVELS, REVISIONS, requirements, revisions_of
from tests.ledger.markers import marked
from tests.ledger.page import PAGE, rendered
from tests.ledger.plugin import REVISIONS_SEEN

SECTION = re.compile(r"(?:20\d\d-\d\d-\d\d/[a-z]+(?:/[a-z-]+)*|ext-[a-z-]+(?:/[a-z0-9-]+)*|SEP-\d+)(?:#[a-z0-9_-]+)?")

# Methods and notifications with the first and last revision that has them (schema/<revision>/schema.json, and the
# extensions'); both directions.
METHODS = {
    "initialize": "..2025-11-25", "server/discover": "2026-07-28..", "ping": "..2025-11-25", "tools/list": "all",
    "tools/call": "all", "prompts/list": "all", "prompts/get": "all", "resources/list": "all",
    "resources/templates/list": "all", "resources/read": "all", "resources/subscribe": "..2025-11-25",
    "resources/unsubscribe": "..2025-11-25", "subscriptions/listen": "2026-07-28..", "completion/complete": "all",
    "logging/setLevel": "..2025-11-25", "roots/list": "all", "sampling/createMessage": "all",
    "elicitation/create": "2025-06-18..", "tasks/get": "2025-11-25..", "tasks/result": "2025-11-25",
    "tasks/list": "2025-11-25", "tasks/cancel": "2025-11-25..", "tasks/update": "2026-07-28..",
    "skills/list": "2026-07-28..", "skills/get": "2026-07-28..", "resources/directory/read": "2026-07-28..",
}  # fmt: skip
NOTIFICATIONS = {
    "notifications/initialized": "..2025-11-25", "notifications/cancelled": "all", "notifications/progress": "all",
    "notifications/message": "all", "notifications/roots/list_changed": "..2025-11-25",
    "notifications/tools/list_changed": "all", "notifications/prompts/list_changed": "all",
    "notifications/resources/list_changed": "all", "notifications/resources/updated": "all",
    "notifications/elicitation/complete": "2025-11-25", "notifications/tasks/status": "2025-11-25",
    "notifications/subscriptions/acknowledged": "2026-07-28..", "notifications/tasks": "2026-07-28..",
}  # fmt: skip
HEADERS = frozenset({
    "Accept", "Content-Type", "Origin", "Host", "Authorization", "Mcp-Session-Id", "MCP-Protocol-Version", "Mcp-Method",
    "Mcp-Name", "Mcp-Param", "Last-Event-ID", "retry", "X-Accel-Buffering", "WWW-Authenticate", "Allow", "traceparent",
})  # fmt: skip
CODES = frozenset({
    "-32700", "-32600", "-32601", "-32602", "-32603", "-32002", "-32042", "-1", "-32020", "-32021", "-32022",
    "application codes",
})  # fmt: skip


def test_each_entry_names_the_tests_that_carry_its_marker_and_no_others() -> None:
    listed = {entry.id: set(entry.tests) for entry in requirements().values() if entry.tests}
    carried = marked()
    assert {name: listed.get(name, set()) - carried.get(name, set()) for name in listed} == {n: set() for n in listed}
    assert {name: carried[name] - listed.get(name, set()) for name in carried} == {name: set() for name in carried}


def test_an_entry_has_tests_or_says_why_it_has_none() -> None:
    assert [entry.id for entry in requirements().values() if not entry.tests and not entry.divergence] == []


def test_an_entry_is_well_formed() -> None:
    for entry in requirements().values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.id)
        assert SECTION.fullmatch(entry.spec), entry
        assert entry.level in LEVELS, entry
        assert entry.text.endswith("."), entry
        assert entry.covers <= METHODS.keys() | NOTIFICATIONS.keys() | HEADERS | CODES, entry
        assert len(set(entry.tests)) == len(entry.tests), entry


def test_every_revision_is_served() -> None:
    assert set(REVISIONS) == set(ALL)


@pytest.mark.parametrize("table", [METHODS, NOTIFICATIONS], ids=["methods", "notifications"])
def test_every_method_and_notification_has_an_entry_for_each_revision_that_has_it(table: dict[str, str]) -> None:
    found = {
        name: {revision for entry in requirements().values() if name in entry.covers for revision in entry.revisions}
        for name in table
    }
    missing = {name: set(revisions_of(stated)) - found[name] for name, stated in table.items()}
    assert missing == {name: set() for name in table}


def test_every_header_and_code_has_an_entry() -> None:
    assert (HEADERS | CODES) - {name for entry in requirements().values() for name in entry.covers} == set()


def test_every_method_that_a_revision_serves_is_in_the_table() -> None:
    served = {(name, version) for version, revision in ALL.items() for name in revision.methods}
    known = {(name, version) for name, stated in METHODS.items() for version in revisions_of(stated)}
    assert served - known == set()


def test_a_requirement_is_tested_on_every_revision_that_it_names(request: pytest.FixtureRequest) -> None:
    """Of what was collected: a run of everything sees everything. A single revision need not be named by its test."""
    seen = request.config.stash[REVISIONS_SEEN]
    missing = {}
    for entry in requirements().values():
        if len(entry.revisions) > 1 and entry.tests and set(entry.tests) <= seen.keys():
            run_on = set().union(*(seen[test] for test in entry.tests))
            missing[entry.id] = set(entry.revisions) - run_on
    assert {name: revisions for name, revisions in missing.items() if revisions} == {}


def test_the_page_is_made_from_the_ledger_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered(), "run `make ledger`"
