"""Percent-encoding of arguments, by the place in the URL that they go to."""

import re
from urllib.parse import quote, unquote

from mcp_runtime.sources.http.template import BadArgument, InvalidTemplate

FIRST_PRINTABLE = " "
DELETE = "\x7f"
DECODINGS = 3  # servers behind proxies decode twice; one more is a margin
BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
STANDING = "%/?:@!$&'()*+,;=~[]"  # RFC 3986 section 3.4, and what is percent-encoded already


def as_it_stands(literal: str) -> str:
    """The author's own part of a URL, spaces and letters beyond ASCII encoded; raises InvalidTemplate."""
    if "\\" in literal or not literal.replace(" ", "").isprintable():
        raise InvalidTemplate("The URL holds a backslash or a control character.")
    if BAD_PERCENT.search(literal):
        raise InvalidTemplate("A percent sign in a URL is followed by two hexadecimal digits. Write %25 for itself.")
    return quote(literal, safe=STANDING)


def percent_encoded(name: str, value: str) -> str:
    """UTF-8, all but unreserved characters encoded (RFC 3986 section 2.3); raises BadArgument for lone surrogates."""
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise BadArgument(f"{name} is not valid Unicode.") from None


def encoded_for_path(name: str, value: str) -> str:
    """An argument as part of one path segment; raises BadArgument for what could make it anything else."""
    if not value:
        raise BadArgument(f"{name} is empty, and is part of the address.")
    if any(character < FIRST_PRINTABLE or character == DELETE for character in value):
        raise BadArgument(f"{name} holds control characters, and is part of the address.")
    return percent_encoded(name, value)


def has_dot_segments(path: str) -> bool:
    """Whether a server could read `.` or `..` in the path, decoding it once or more, in any spelling it may take."""
    for _decoding in range(DECODINGS + 1):
        # Servers of the Java kind cut a segment at its semicolon; some others read a backslash as a slash.
        if any(segment.partition(";")[0] in {".", ".."} for segment in path.replace("\\", "/").split("/")):
            return True
        path = unquote(path)
    return False
