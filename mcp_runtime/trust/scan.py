"""Looks through a definition for what nobody should pass on unseen. A finding asks a person; it refuses nothing."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from mcp_runtime.trust import texts

MAXIMUM_NAME = 64
MAXIMUM_FINDINGS = 50
EXCERPT_CHARACTERS = 120
# Where a value stands that may be somebody's secret.
_VALUED = frozenset({"default", "const", "example", "examples", "enum", "value"})


class Finding(msgspec.Struct, frozen=True):
    """One thing to look at: the rule, where (`description`, `input_schema.properties.id.default`), and what."""

    rule: str
    place: str
    excerpt: str = ""


RULES = {
    "hidden_unicode": "Holds characters that are not seen.",
    "terminal_escape": "Holds terminal escapes or control characters.",
    "mixed_scripts": "Its name mixes letters of several scripts.",
    "lookalike": "Its name looks like that of another tool.",
    "long_name": f"Its name is longer than {MAXIMUM_NAME} characters and is cut.",
    "secret": "Holds what looks like a key or a password.",
    "instruction": "Speaks to a model instead of describing a tool.",
    "unsafe_icon": "Has an icon that is neither an https address nor an image.",
}


def findings_of(document: dict[str, Any]) -> list[Finding]:
    """What is to be looked at in one definition: at most MAXIMUM_FINDINGS."""
    found: list[Finding] = []
    for finding in _findings(document):
        if finding not in found:
            found.append(finding)
        if len(found) == MAXIMUM_FINDINGS:
            break
    return found


def _findings(document: dict[str, Any]) -> Iterator[Finding]:
    name = str(document.get("name") or document.get("uri") or "")
    if len(name) > MAXIMUM_NAME and "uri" not in document:
        yield Finding("long_name", "name", name[:EXCERPT_CHARACTERS])
    if len(texts.scripts(name) - {"?"}) > 1:
        yield Finding("mixed_scripts", "name", ascii(name)[1:-1][:EXCERPT_CHARACTERS])
    yield from _icons(document.get("icons") or [])
    for field in ("name", "uri", "title", "description", "input_schema", "output_schema", "annotations", "arguments"):
        for place, text, valued in _strings(document.get(field), field):
            yield from _of_text(place, text, valued=valued)


def _of_text(place: str, text: str, *, valued: bool) -> Iterator[Finding]:
    hidden = sorted(set(texts.hidden_characters(text)))
    if hidden:
        yield Finding("hidden_unicode", place, ", ".join(hidden)[:EXCERPT_CHARACTERS])
    if texts.has_escapes(text):
        yield Finding("terminal_escape", place, ascii(text)[1:-1][:EXCERPT_CHARACTERS])
    words = texts.addressed_to_model(text)
    if words:
        yield Finding("instruction", place, ascii(words)[1:-1][:EXCERPT_CHARACTERS])
    if texts.has_secret(text):
        # The excerpt would be the secret.
        yield Finding("secret", place, "a value" if valued else "in a text")


def _strings(value: Any, place: str, *, valued: bool = False) -> Iterator[tuple[str, str, bool]]:
    """Every text in a value with its place, names of members included, and whether it is a value of an argument."""
    if isinstance(value, str):
        yield place, value, valued
    elif isinstance(value, dict):
        for name, member in value.items():
            yield f"{place}.{name}", name, False
            yield from _strings(member, f"{place}.{name}", valued=valued or name in _VALUED)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _strings(item, f"{place}[{number}]", valued=valued)


def _icons(icons: Iterable[Any]) -> Iterator[Finding]:
    for number, icon in enumerate(icons):
        source = str(icon.get("src", "")) if isinstance(icon, dict) else ""
        scheme = source.partition(":")[0].lower()
        # SVG is a document: it can hold scripts.
        if scheme not in ("https", "data") or (scheme == "data" and not source.lower().startswith("data:image/")):
            yield Finding("unsafe_icon", f"icons[{number}]", source[:EXCERPT_CHARACTERS])
        elif "svg" in source.partition(",")[0].lower():
            yield Finding("unsafe_icon", f"icons[{number}]", "an SVG document")


def lookalikes(names: Iterable[str]) -> dict[str, str]:
    """Names that look like another one of them but are not it, each with one that it looks like."""
    seen: dict[str, str] = {}
    alike: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(texts.looks_like(name), name)
        if other != name:
            alike[name] = other
    return alike
