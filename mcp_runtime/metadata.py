"""What authors say of tools, prompts, resources and endpoints beside the protocol's own fields: `_meta` and icons."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

MAXIMUM_META_BYTES = 16 * 1024
MAXIMUM_NAME = 200
MAXIMUM_ICONS = 10
MAXIMUM_SIZES = 20
MAXIMUM_URL = 2_000
MAXIMUM_DATA = 64 * 1024

# 2026-07-28, basic, "`_meta`": labels of a prefix, then a name.
_LABEL = r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:(?P<prefix>{_LABEL}(?:\.{_LABEL})*)/)?(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?")
_PROTOCOL_LABELS = frozenset({"modelcontextprotocol", "mcp"})
# Names without a prefix that mean something on requests and results (basic, "`_meta`").
_RESERVED_NAMES = frozenset({"progressToken", "traceparent", "tracestate", "baggage"})
_OWN_PREFIX = "com.armstrong"
_DATA_URI = re.compile(r"data:image/[a-z0-9.+-]{1,40};base64,(?P<data>[A-Za-z0-9+/=]+)")


class InvalidMetadata(Exception):
    """Metadata that clients may not be sent; the message says why."""


class Icon(msgspec.Struct, forbid_unknown_fields=True):
    """An icon of the protocol (2025-11-25, schema "Icon"), by the protocol's own names."""

    src: str
    mimeType: Annotated[str, msgspec.Meta(pattern=r"^image/[A-Za-z0-9.+-]{1,40}\Z")] = ""  # noqa: N815
    sizes: Annotated[
        list[Annotated[str, msgspec.Meta(pattern=r"^([1-9][0-9]{0,4}x[1-9][0-9]{0,4}|any)\Z")]],
        msgspec.Meta(max_length=MAXIMUM_SIZES),
    ] = []
    theme: Literal["light", "dark", ""] = ""


def require_meta(meta: dict[str, Any], *, prefixes: Iterable[str] = ()) -> None:
    """Raises InvalidMetadata for names that are malformed or not an author's to give.

    Those of the protocol are reserved to it, but for `prefixes`.
    """
    if len(msgspec.json.encode(meta)) > MAXIMUM_META_BYTES:
        raise InvalidMetadata(f"Keep it to {MAXIMUM_META_BYTES // 1024} KiB.")
    for key in meta:
        found = _KEY.fullmatch(key) if 0 < len(key) <= MAXIMUM_NAME else None
        if found is None:
            raise InvalidMetadata(f"{key}: a name, or one after a prefix such as com.example/name.")
        if key in _RESERVED_NAMES or (found["prefix"] not in (None, *prefixes) and _is_reserved(found["prefix"])):
            raise InvalidMetadata(f"{key}: this name is reserved. Use a prefix of your own, such as com.example/name.")


def _is_reserved(prefix: str) -> bool:
    labels = prefix.lower().split(".")
    return prefix.lower() == _OWN_PREFIX or labels[0] == "ui" or not _PROTOCOL_LABELS.isdisjoint(labels[:2])


def require_icons(icons: object) -> None:
    """Raises InvalidMetadata unless these are icons that any client may load: by https, or as data."""
    try:
        given = msgspec.convert(icons, list[Icon])
    except msgspec.ValidationError as error:
        raise InvalidMetadata(str(error)) from None
    if len(given) > MAXIMUM_ICONS:
        raise InvalidMetadata(f"List at most {MAXIMUM_ICONS}.")
    for icon in given:
        if icon.src.startswith("data:"):
            _require_data(icon.src)
        else:
            require_url(icon.src)


def require_url(text: str) -> None:
    """Raises InvalidMetadata unless `text` is an https URL without credentials."""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or len(text) > MAXIMUM_URL or not re.fullmatch(r"[!-~]+", text) or re.search(r'["<>\\^`{|}]', text):
        raise InvalidMetadata("Give an https URL, such as https://example.com/icon.png, or an image as a data: URI.")


def _require_data(src: str) -> None:
    found = _DATA_URI.fullmatch(src) if len(src) <= MAXIMUM_DATA else None
    try:
        base64.b64decode(found["data"] if found else "!", validate=True)
    except binascii.Error:
        sentence = f"An image as data is data:image/…;base64,… of at most {MAXIMUM_DATA // 1024} KiB."
        raise InvalidMetadata(sentence) from None
