"""A text as a model may read it: without what is invisible, and with what is encoded in it."""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

from mcp_runtime.trust.texts import is_hidden

MAXIMUM_DECODED = 32
MAXIMUM_CHARACTERS = 1024 * 1024
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")


def visible(text: str) -> str:
    """The text without hidden characters, which split words that belong together."""
    if text.isascii():
        return text
    return "".join(character for character in text if not is_hidden(character))


def readings(text: str) -> Iterator[str]:
    """The text in its plainest form, and each text that is in it as base64. At most MAXIMUM_CHARACTERS are read."""
    plain = unicodedata.normalize("NFKC", visible(text[:MAXIMUM_CHARACTERS]))
    yield plain
    for number, found in enumerate(_BASE64.finditer(plain)):
        if number == MAXIMUM_DECODED:
            return
        decoded = _decoded(found[0])
        if decoded:
            yield decoded


def _decoded(encoded: str) -> str:
    bare = encoded.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        text = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return visible(text)
