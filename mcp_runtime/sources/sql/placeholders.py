"""A statement's text: that it is one statement that can only read, and where its `:name` placeholders stand."""

import re
from collections.abc import Callable
from dataclasses import dataclass

# What reads alike in PostgreSQL and SQLite (PostgreSQL 18, section 4.1); what does not is refused as stray.
PIECE = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*(?:(?!\*/|/\*).)*\*/ )
  | (?P<quoted> (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
      | (?<![\w$])\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$ )
  | (?P<cast> :: | := )
  | : (?P<name>[A-Za-z_]\w*)
  | (?P<stray> /\* | '|" | (?<![\w$])\$(?:\w*\$|\d+) | [\x00\x1a] )
  | (?P<end> ; )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
FIRST_WORD = re.compile(r"[\s(]*([A-Za-z]+)")
READING = frozenset({"select", "with", "values", "table"})


class InvalidStatement(Exception):
    """The text is not one statement that reads; the message says why."""


@dataclass(frozen=True, slots=True)
class Text:
    """A statement's literal texts around its placeholders: `literals` has one element more than `names`."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    def written(self, placeholder: Callable[[str], str]) -> str:
        """The statement with what the engine writes for each parameter."""
        pieces = [self.literals[0]]
        for name, literal in zip(self.names, self.literals[1:], strict=True):
            pieces += (placeholder(name), literal)
        return "".join(pieces)


def parse(sql: str) -> Text:
    """Reads a statement, comments dropped and a final semicolon with them. Raises InvalidStatement."""
    literals, names, place, ended = [""], list[str](), 0, False
    for match in PIECE.finditer(sql):
        between = sql[place : match.start()]
        place = match.end()
        ended = _on(between + ("" if match["comment"] or match["end"] else match[0]), ended=ended)
        literals[-1] += between
        if match["stray"]:
            raise InvalidStatement(
                "A quote or a comment does not end, comments stand within each other, or there is a placeholder such "
                "as $1: parameters are written as :name."
            )
        if match["name"]:
            names.append(match["name"])
            literals.append("")
        elif match["end"]:
            ended = True
        else:
            literals[-1] += " " if match["comment"] else match[0]
    _on(sql[place:], ended=ended)
    literals[-1] += sql[place:]
    _require_reading(literals[0])
    return Text(tuple(literals), tuple(names))


def _on(text: str, *, ended: bool) -> bool:
    if ended and text.strip():
        raise InvalidStatement("Write one statement: something follows after a semicolon.")
    return ended


def _require_reading(beginning: str) -> None:
    word = FIRST_WORD.match(beginning)
    if word is None or word[1].lower() not in READING:
        named = word[1].upper() if word else "This"
        raise InvalidStatement(f"{named} is refused: write one SELECT (or WITH … SELECT, VALUES, TABLE).")
