"""docs/conformance.md, made from the ledger: `python -m tests.ledger.page` writes it."""

from collections.abc import Iterator

from tests.ledger.entries import REVISIONS, ROOT, Area, Requirement, areas, requirements

PAGE = ROOT / "docs" / "conformance.md"
INTRODUCTION = """# Conformance

What the Model Context Protocol requires of a server, and the tests that hold this one to it. Made from
`tests/ledger` by `make ledger`. Tests compare the two, look for the marker of each requirement on the tests that it
names, and see that these run on the revisions that it is for. Besides, every message that any test receives is held to
the published schema of its revision (`tests/witness`), and `make conformance` runs the official suite.

`OWN` marks what the platform promises beyond the specification. Sections are those of the specification's pages, or of
an extension's.
"""


def rendered() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_summary(), *(line for area in areas() for line in _area(area)), *_divergences()])


def _summary() -> Iterator[str]:
    everything = requirements().values()
    tests = {test for entry in everything for test in entry.tests}
    diverging = sum(bool(entry.divergence) for entry in everything)
    yield f"{len(everything)} requirements, {len(tests)} tests, {diverging} divergences and readings.\n"


def _area(area: Area) -> Iterator[str]:
    yield f"## {area.title}\n"
    yield "| requirement | level | revisions | section | tests |"
    yield "|---|---|---|---|---|"
    for entry in area.requirements:
        yield f"| {_text(entry)} | {entry.level} | {_span(entry)} | {entry.spec} | {_tests(entry)} |"
    yield ""


def _text(entry: Requirement) -> str:
    # The id is an anchor, so that other pages can point at a requirement.
    mark = " [†](#divergences-and-readings)" if entry.divergence else ""
    return f'<a id="{entry.id}"></a>{_cell(entry.text)}{mark}'


def _span(entry: Requirement) -> str:
    first, last = entry.revisions[0], entry.revisions[-1]
    if entry.revisions == REVISIONS:
        return "all"
    start = REVISIONS.index(first)
    if entry.revisions != REVISIONS[start : start + len(entry.revisions)]:
        return ", ".join(entry.revisions)
    if len(entry.revisions) == 1:
        return first
    return f"{first} on" if last == REVISIONS[-1] else f"{first} to {last}"


def _tests(entry: Requirement) -> str:
    names = [test.rpartition("::")[2].removeprefix("test_").replace("_", " ") for test in entry.tests]
    return "; ".join(names) or "none"


def _divergences() -> Iterator[str]:
    yield "## Divergences and readings\n"
    yield "Where we do otherwise, and how we read what is said in two ways.\n"
    yield "| requirement | why |"
    yield "|---|---|"
    for entry in requirements().values():
        if entry.divergence:
            yield f"| [{entry.id}](#{entry.id}) | {_cell(entry.divergence)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
