"""`text_statistics`: how long a text is, in the measures that people ask for."""

import re
from typing import Any

from mcp_runtime.sources.builtin.function import Function, object_schema, structured_result
from mcp_runtime.sources.contract import ToolResult

MAXIMUM_CHARACTERS = 100_000
WORDS_PER_MINUTE = 240  # silent reading of English prose (Brysbaert 2019: 238)
WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
# Neither starts inside a run of marks nor gives any back, so that a long run costs no more than its length.
SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++(?=\s|$)")


def statistics(text: str) -> dict[str, Any]:
    """Counts of characters, bytes of UTF-8, words, sentences and lines, and minutes of reading."""
    words = len(WORD.findall(text))
    return {
        "characters": len(text),
        "bytes": len(text.encode("utf-8", "surrogatepass")),
        "words": words,
        "sentences": max(len(SENTENCE_END.findall(text)), min(words, 1)),
        "lines": len(text.splitlines()),
        "reading_minutes": round(words / WORDS_PER_MINUTE, 1),
    }


def _statistics(arguments: dict[str, Any]) -> ToolResult:
    return structured_result(statistics(arguments["text"]))


_COUNT = {"type": "integer", "minimum": 0}
_MEASURES = dict.fromkeys(("characters", "bytes", "words", "sentences", "lines"), _COUNT) | {
    "reading_minutes": {"type": "number", "minimum": 0}
}

TEXT_STATISTICS = Function(
    name="text_statistics",
    title="Text statistics",
    description="Counts the characters, bytes, words, sentences and lines of a text, and estimates its reading time.",
    input_schema=object_schema({"text": {"type": "string", "maxLength": MAXIMUM_CHARACTERS}}, "text"),
    output_schema=object_schema(_MEASURES, *_MEASURES),
    answer=_statistics,
)
