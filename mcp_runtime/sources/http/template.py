"""Texts with `{name}` placeholders: parsed once, rendered for each call."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PIECE = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<name>[A-Za-z0-9_.$-]{1,128})\}|(?P<stray>[{}])")


class InvalidTemplate(Exception):
    """The template cannot be read; the message says why."""


class BadArgument(Exception):
    """An argument cannot be sent where the template puts it; the message says why, and is shown to the caller."""


class Absent(Exception):
    """A placeholder's argument was left out of the call, or is null."""


@dataclass(frozen=True, slots=True)
class Template:
    """Literal texts around placeholders: `literals` has one element more than `names`."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def sole(self) -> str | None:
        """The placeholder's name if the template is one placeholder and nothing else."""
        return self.names[0] if len(self.names) == 1 and self.literals == ("", "") else None

    def render(self, arguments: Mapping[str, Any], encode: Callable[[str, str], str]) -> str:
        """The text with `encode(name, value)` in the place of each argument. Raises Absent and BadArgument."""
        if not self.names:
            return self.literals[0]
        pieces = [self.literals[0]]
        for name, literal in zip(self.names, self.literals[1:], strict=True):
            pieces.append(encode(name, as_text(name, present(arguments, name))))
            pieces.append(literal)
        return "".join(pieces)

    def mapped(self, change: Callable[[str], str]) -> "Template":
        """The template with each literal text changed."""
        return Template(tuple(change(literal) for literal in self.literals), self.names)


def parse_template(text: str) -> Template:
    """Reads a template; raises InvalidTemplate for a brace that is neither a placeholder's nor doubled."""
    literals, names, place = [""], [], 0
    for match in PIECE.finditer(text):
        literals[-1] += text[place : match.start()]
        place = match.end()
        if match["stray"]:
            raise InvalidTemplate("A single brace stands alone. Write {name} for an argument, {{ and }} for braces.")
        if match["brace"]:
            literals[-1] += match["brace"][0]
        else:
            names.append(match["name"])
            literals.append("")
    literals[-1] += text[place:]
    return Template(tuple(literals), tuple(names))


def present(arguments: Mapping[str, Any], name: str) -> Any:
    """The argument; raises Absent when the call leaves it out or says null."""
    value = arguments.get(name)
    if value is None:
        raise Absent(name)
    return value


def as_text(name: str, value: Any) -> str:
    """A single value as the text that stands for it; raises BadArgument for lists and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(name, value)
    raise BadArgument(f"{name} has to be a single value: a text, a number, true or false.")


def _number(name: str, value: float) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write out integers of more than 4,300 digits
        raise BadArgument(f"{name} is too large.") from None


def verbatim(_name: str, value: str) -> str:
    """The encoding of places that hold any text."""
    return value
