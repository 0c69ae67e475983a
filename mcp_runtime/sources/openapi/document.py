"""An OpenAPI document: which version it is of, and what its references lead to."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from mcp_runtime.sources.http.pointer import NothingThere, resolve
from mcp_runtime.sources.openapi.reading import UnreadableDocument

MAXIMUM_HOPS = 32  # a reference to a reference to a reference
SHOWN_CHARACTERS = 200

_THREE = re.compile(r"3\.[0-2](?:\.\d{1,3})?(?:-[0-9A-Za-z.-]{1,20})?")
_TWO = frozenset({"2.0", "2"})


class Unusable(Exception):
    """What cannot become part of a tool; the message is the reason, a sentence."""


@dataclass(slots=True)
class Document:
    """`version` is 2.0, 3.0, 3.1 or 3.2."""

    root: dict[str, Any]
    version: str
    _targets: dict[str, Any] = field(default_factory=dict)

    @property
    def is_swagger(self) -> bool:
        """Whether it is Swagger 2.0."""
        return self.version == "2.0"

    @property
    def has_dialect_of_its_own(self) -> bool:
        """Whether schemas are those of OpenAPI itself (2.0 and 3.0), not JSON Schema 2020-12."""
        return self.version in ("2.0", "3.0")

    def section(self, *path: str) -> dict[str, Any]:
        """A mapping below the root; empty where the document has none."""
        node: Any = self.root
        for name in path:
            node = node.get(name) if isinstance(node, dict) else None
        return self.mapping(node)

    @staticmethod
    def mapping(node: Any) -> dict[str, Any]:
        """The node if it is a mapping, else an empty one."""
        return node if isinstance(node, dict) else {}

    def target(self, reference: str) -> Any:
        """What a reference points to, itself perhaps a reference. Raises Unusable."""
        if reference in self._targets:
            return self._targets[reference]
        steps = pointer_of(reference)
        try:
            value = resolve(steps, self.root)
        except NothingThere:
            raise Unusable(f"It refers to {shown(reference)}, which the document does not have.") from None
        self._targets[reference] = value
        return value

    def followed(self, node: Any) -> dict[str, Any]:
        """The mapping that `node` is or refers to. Raises Unusable."""
        for _hop in range(MAXIMUM_HOPS):
            if not isinstance(node, dict):
                raise Unusable("The document has no mapping where it must have one.")
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self.target(reference)
        raise Unusable("Its references lead in a circle.")


def pointer_of(reference: str) -> tuple[str, ...]:
    """The steps of a reference within the document (RFC 6901 section 6). Raises Unusable for any other."""
    if not reference.startswith("#"):
        raise Unusable(f"It refers to {shown(reference)}, outside the document. Nothing is fetched: bundle it first.")
    fragment = unquote(reference[1:])
    if fragment and not fragment.startswith("/"):
        raise Unusable(f"It refers to {shown(reference)} by an anchor. References are JSON Pointers, #/….")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in fragment.split("/")[1:])


def shown(text: str) -> str:
    """A piece of the document, fit for a sentence."""
    printable = "".join(character if character.isprintable() else "?" for character in text[:SHOWN_CHARACTERS])
    return printable + ("…" if len(text) > SHOWN_CHARACTERS else "")


def document_of(root: dict[str, Any]) -> Document:
    """The document. Raises UnreadableDocument for what is no OpenAPI, or of a version that nobody here knows."""
    swagger, openapi = (_version(root.get(name)) for name in ("swagger", "openapi"))
    if swagger in _TWO:
        return Document(root, "2.0")
    if openapi and _THREE.fullmatch(openapi):
        return Document(root, openapi[:3])
    given = openapi or swagger
    if given:
        raise UnreadableDocument(f"The document is OpenAPI {shown(given)}. Versions 2.0 and 3.0 to 3.2 can be read.")
    raise UnreadableDocument("The document says neither swagger: 2.0 nor openapi: 3.x, so it is no OpenAPI document.")


def _version(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
