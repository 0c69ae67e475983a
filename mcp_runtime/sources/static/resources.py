"""Resources written down: a text or some bytes; for a template, a text with a place for each variable."""

import base64
import binascii
from typing import Any

import msgspec

from mcp_runtime.skills import MARKDOWN, InvalidSkill, read_manifest, root_of
from mcp_runtime.snapshots.structs import ResourceSnapshot
from mcp_runtime.sources.contract import CallContext, CompiledResource, InvalidConfig, ResourceDraft, Workshop
from mcp_runtime.sources.static.placeholders import beginning_with, fill


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
        config = _config(draft.config)
        if (config.text is None) == (config.blob is None):
            raise InvalidConfig({"config": "Give either a text or a blob."})
        if config.blob is not None:
            try:
                base64.b64decode(config.blob, validate=True)
            except binascii.Error:
                raise InvalidConfig({"config": "blob: this is not base64."}) from None
        return draft if root_of(draft.uri) is None else _manifest(draft, config)

    def compile(self, resource: ResourceSnapshot, workshop: Workshop) -> CompiledResource:
        config = _config(resource.config)
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
        raise InvalidConfig({"config": "text: a SKILL.md is a text."})
    try:
        frontmatter = read_manifest(draft.uri, config.text)
    except InvalidSkill as error:
        raise InvalidConfig({"config": f"text: {error}"}) from None
    draft.name, draft.description, draft.mime_type = frontmatter["name"], frontmatter["description"], MARKDOWN
    return draft


def _config(config: dict[str, Any]) -> StaticResourceConfig:
    try:
        return msgspec.convert(config, StaticResourceConfig)
    except msgspec.ValidationError as error:
        raise InvalidConfig({"config": str(error)}) from None
