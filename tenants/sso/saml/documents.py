"""XML of strangers: bounded, without document types, and every signature in it of the one shape that is accepted.

The library verifies signatures; what it would let a signature say of itself is narrowed here first, so that what is
signed is exactly the element that the signature stands in (SAML 2.0 core section 5.4).
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from lxml import etree

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_ELEMENTS = 5_000
DS = "http://www.w3.org/2000/09/xmldsig#"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SIGNATURES = frozenset(f"{_MORE}{kind}-sha{bits}" for kind in ("rsa", "ecdsa") for bits in (256, 384, 512))
DIGESTS = frozenset(
    {"http://www.w3.org/2001/04/xmlenc#sha256", f"{_MORE}sha384", "http://www.w3.org/2001/04/xmlenc#sha512"}
)
CANONICAL = frozenset({"http://www.w3.org/2001/10/xml-exc-c14n#"})
_MOMENTS = frozenset({"IssueInstant", "NotBefore", "NotOnOrAfter", "AuthnInstant", "SessionNotOnOrAfter", "validUntil"})
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,30})?Z", re.ASCII)
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_PARSER = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
}


class BadDocument(ValueError):
    """XML that is not taken; the message says why."""


def parsed(data: bytes) -> Any:
    """The root of a document. Raises BadDocument for one that is too large, not well-formed or has a document type."""
    if len(data) > MAXIMUM_BYTES:
        raise BadDocument(f"It is larger than {MAXIMUM_BYTES // 1024} KiB.")
    try:
        root = etree.fromstring(data, etree.XMLParser(**_PARSER))
    except (etree.XMLSyntaxError, ValueError):
        raise BadDocument("It is not well-formed XML.") from None
    info = root.getroottree().docinfo
    if info.doctype or info.internalDTD is not None or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise BadDocument("It has a document type (DOCTYPE), which SAML never has.")
    if sum(1 for _ in root.iter()) > MAXIMUM_ELEMENTS:
        raise BadDocument(f"It has more than {MAXIMUM_ELEMENTS:,} elements.")
    return root


def decoded(text: str) -> bytes:
    """The document in a form field of the HTTP-POST binding. Raises BadDocument."""
    if len(text) > MAXIMUM_BYTES * 4 // 3 + 4:
        raise BadDocument(f"It is larger than {MAXIMUM_BYTES // 1024} KiB.")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadDocument("It is not base64.") from None


def inflated(text: str) -> bytes:
    """The document in a parameter of the HTTP-Redirect binding (SAML 2.0 bindings section 3.4.4.1).

    Raises BadDocument, also for one that grows beyond the limit when it is inflated.
    """
    raw = decoded(text)
    try:
        data = zlib.decompressobj(-15).decompress(raw, MAXIMUM_BYTES + 1)
    except zlib.error:
        raise BadDocument("It is not compressed by DEFLATE.") from None
    if len(data) > MAXIMUM_BYTES:
        raise BadDocument(f"It is larger than {MAXIMUM_BYTES // 1024} KiB.")
    return data


def moment(text: str) -> datetime:
    """A moment as SAML writes it, in UTC (SAML 2.0 core section 1.3.3). Raises BadDocument."""
    found = _MOMENT.fullmatch(text)
    try:
        if found:
            return datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        pass
    raise BadDocument(f"{text[:40]!r} in it is no moment as SAML writes it: 2026-01-31T12:00:00Z.")


def require_moments(root: Any) -> None:
    """Raises BadDocument unless each moment in it is one; the library ends in an exception of no kind for others."""
    for element in root.iter(etree.Element):
        for name in _MOMENTS & set(element.attrib):
            moment(element.get(name))


def require_plain_signatures(root: Any) -> None:
    """Raises BadDocument unless ids are unique, and each signature signs the element it stands in, whole, once."""
    ids = [value for element in root.iter() if (value := element.get("ID")) is not None]
    if len(ids) != len(set(ids)):
        raise BadDocument("An ID stands twice in it.")
    for signature in root.iter(f"{{{DS}}}Signature"):
        _require_plain(signature)


def _require_plain(signature: Any) -> None:
    parent, info = signature.getparent(), signature.find(f"{{{DS}}}SignedInfo")
    if parent is None or info is None or signature.find(f"{{{DS}}}Object") is not None:
        raise BadDocument("A signature in it holds what it should stand in.")
    references = list(info.iter(f"{{{DS}}}Reference"))
    if len(references) != 1 or references[0].get("URI") != f"#{parent.get('ID')}":
        raise BadDocument("A signature in it signs something else than the element that it stands in.")
    allowed = {
        "CanonicalizationMethod": CANONICAL,
        "SignatureMethod": SIGNATURES,
        "DigestMethod": DIGESTS,
        "Transform": CANONICAL | {ENVELOPED},
    }
    for name, algorithms in allowed.items():
        for algorithm in _algorithms(info, name):
            if algorithm not in algorithms:
                raise BadDocument(f"A signature in it uses {algorithm or 'no algorithm'} as its {name}.")


def _algorithms(info: Any, name: str) -> Iterator[str]:
    found = list(info.iter(f"{{{DS}}}{name}"))
    yield from (element.get("Algorithm", "") for element in found) if found else ("",)
