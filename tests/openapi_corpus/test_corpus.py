"""The corpus's own machinery: what goes wrong with a document is counted, and stops no other."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mcp_runtime.sources.contract import ToolDraft
from tests.openapi_corpus.importing import Outcome, imported, problems_of
from tests.openapi_corpus.misbehaving import misbehave
from tests.openapi_corpus.table import Tally
from tests.openapi_corpus.workers import Done, imported_by

SCHEMA = {"type": "object"}


def test_a_document_that_crashes_or_hangs_is_counted_and_stops_no_other() -> None:
    names = ["good", "raise", "die", "hang", "good", "good"]
    tally = Tally()
    for done in imported_by(misbehave, [Path(name) for name in names], count=2, seconds=2):
        tally.add(done, done.path.name)
    assert (tally.documents, tally.operations, tally.tools, tally.refused) == (6, 6, 3, {"for a reason": 3})
    assert (tally.crashes, tally.timeouts) == (2, 1)
    assert sorted(problem.partition(":")[0] for problem in tally.wrong) == ["die", "hang", "raise"]
    assert not tally.is_good(fewest=1)


def outcome(**fields: Any) -> Done:
    return Done(Path("x"), 1.0, Outcome(**fields))


@pytest.mark.parametrize(
    ("done", "is_good"),
    [
        (outcome(operations=1_000, tools=990, refused=Counter(r=5)), True),
        (outcome(operations=1_000, tools=990, refused=Counter(r=4)), False),
        (outcome(operations=1, tools=1, wrong=["x"]), False),
        (outcome(unread="too large"), False),
        (Done(Path("x"), 1.0, crash="oh"), False),
        (Done(Path("x"), 9.0, timed_out=True), False),
    ],
)
def test_the_verdict_is_about_every_document(done: Done, *, is_good: bool) -> None:
    tally = Tally()
    tally.add(done, "x")
    assert tally.is_good(fewest=1) == is_good
    assert not tally.is_good(fewest=2)
    assert any(line.startswith("operations") for line in tally.lines())


def test_a_document_is_imported_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    paths = {"/a": {"get": {}, "trace": {}, "summary": "s"}, "/b": {"post": {}}}
    file.write_text(json.dumps({"openapi": "3.0.0", "paths": paths}))
    found = imported(file)
    assert (found.operations, found.tools, found.refused.total()) == (3, 2, 1)
    assert (found.asked, found.wrong, found.unread) == (True, [], "")
    file.write_text("{}")
    assert "no OpenAPI document" in imported(file).unread


@pytest.mark.parametrize(
    "tool",
    [
        ToolDraft("a b", input_schema=SCHEMA),
        ToolDraft("a", input_schema={"type": "string"}),
        ToolDraft("a", input_schema=SCHEMA | {"properties": {"x": {"type": "int"}}}),
        ToolDraft("a", input_schema=SCHEMA | {"default": 2**64}),
        ToolDraft("a", input_schema=SCHEMA, output_schema={"type": "object", "required": "x"}),
    ],
)
def test_a_tool_that_could_not_be_stored_is_told(tool: ToolDraft) -> None:
    assert problems_of(tool)
    assert not problems_of(ToolDraft("a", input_schema=SCHEMA))
