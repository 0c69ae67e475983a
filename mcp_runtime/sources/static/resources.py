"""Resources written down: a text or some bytes; for a template, a text with a place for each variable."""

import base64
import re
from typing import Any

import msgspec

from mcp_runtime.skills import MARKDOWN, InvalidSkill, read_manifest, root_of
from mcp_runtime.snapshots.structs import ResourceSnapshot
from mcp_runtime.sources.configuration import converted
from mcp_runtime.sources.contract import CallContext, CompiledResource, InvalidConfig, ResourceDraft, Workshop
from mcp_runtime.sources.static.placeholders import beginning_with, fill, require_proposals
from mcp_runtime.uris import variables_of

# RFC 9110 section 8.3.1, with parameters as they are written in practice.
MIME_TYPE = re.compile(r"[\w.+!#$&^-]+/[\w.+!#$&^-]+(?:; ?[\w.+-]+=(?:[\w.+-]+|\"[\w .:/+-]*\"))*", re.ASCII)


class StaticResourceConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Either `text` or `blob` (base64); `completions` are the values proposed for a template's variable."""

    text: str | None = None
    blob: str | None = None
    completions: dict[str, list[str]] = {}

    def content(self) -> bytes:
        """The bytes that are written down."""
        return self.text.encode() if self.text is not None else base64.b64decode(self.blob or "")


class StaticResourceSource:
    """Resources whose content is in their configuration."""

    kind = "static"
    title = "Written content"

    def check(self, draft: ResourceDraft) -> ResourceDraft:
        config = converted(draft.config, StaticResourceConfig)
        if (config.text is None) == (config.blob is None):
            raise InvalidConfig({"config": "Give either a text or a blob."})
        if config.blob is not None:
            try:
                base64.b64decode(config.blob, validate=True)
            except ValueError:
                raise InvalidConfig({"config.blob": "This is not base64."}) from None
        if draft.mime_type.strip() and not MIME_TYPE.fullmatch(draft.mime_type.strip()):
            raise InvalidConfig({"mime_type": "A MIME type is such as text/markdown, or text/plain;charset=utf-8."})
        require_proposals(config.completions, variables_of(draft.uri) if draft.is_template else [])
        return draft if root_of(draft.uri) is None else _manifest(draft, config)

    def compile(self, resource: ResourceSnapshot, workshop: Workshop) -> CompiledResource:
        config = converted(resource.config, StaticResourceConfig)
        content: dict[str, Any] = {"text": config.text} if config.text is not None else {"blob": config.blob or ""}
        if resource.mime_type:
            content["mimeType"] = resource.mime_type
        if resource.meta:
            content["_meta"] = resource.meta

        async def read(_context: CallContext, uri: str, variables: dict[str, str]) -> list[dict[str, Any]]:
            return [{"uri": uri, **(fill(content, variables) if variables else content)}]

        async def complete(variable: str, typed: str, _given: dict[str, str]) -> list[str]:
            return beginning_with(typed, config.completions.get(variable, []))

        return CompiledResource(read, complete, None if resource.is_template else config.content)


def _manifest(draft: ResourceDraft, config: StaticResourceConfig) -> ResourceDraft:
    """A skill's SKILL.md: listed under what its front matter says (ext-skills, "Resource Metadata")."""
    if config.text is None:
        raise InvalidConfig({"config.blob": "A SKILL.md is a text."})
    try:
        frontmatter = read_manifest(draft.uri, config.text)
    except InvalidSkill as error:
        raise InvalidConfig({"config.text": str(error)}) from None
    draft.name, draft.description, draft.mime_type = frontmatter["name"], frontmatter["description"], MARKDOWN
    return draft
