"""Resources written down: a text or some bytes; for a template, a text with a place for each variable."""

import base64
import binascii
from typing import Any

import msgspec

from mcp_runtime.snapshots.structs import ResourceSnapshot
from mcp_runtime.sources.contract import CallContext, CompiledResource, InvalidConfig, ResourceDraft, Workshop
from mcp_runtime.sources.static.placeholders import beginning_with, fill


class StaticResourceConfig(msgspec.Struct, forbid_unknown_fields=True):
    """Either `text` or `blob` (base64); `completions` are the values proposed for a template's variable."""

    text: str | None = None
    blob: str | None = None
    completions: dict[str, list[str]] = {}


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
        return draft

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

        return CompiledResource(read, complete)


def _config(config: dict[str, Any]) -> StaticResourceConfig:
    try:
        return msgspec.convert(config, StaticResourceConfig)
    except msgspec.ValidationError as error:
        raise InvalidConfig({"config": str(error)}) from None
