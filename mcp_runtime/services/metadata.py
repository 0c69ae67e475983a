"""The checks of `_meta` and icons when they are stored, as refusals that name the field."""

from collections.abc import Callable
from typing import Any

from mcp_runtime import mcp_apps, skills
from mcp_runtime.metadata import InvalidMetadata, require_icons, require_meta, require_url
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from tenants.validation import refused_fields

# ext-skills, "Resource Metadata".
SKILL_PREFIX = "io.modelcontextprotocol.skills"


def require_tool_metadata(draft: ToolDraft) -> None:
    """Raises Refused(INVALID_INPUT) for `_meta` or icons that clients may not be sent."""
    _require("icons", lambda: require_icons(draft.icons))
    _require("meta", lambda: require_meta(draft.meta))
    if "ui" in draft.meta:
        _require("meta", lambda: mcp_apps.require_tool_ui(draft.meta["ui"]))


def require_prompt_metadata(draft: PromptDraft) -> None:
    """The same for a prompt, which no MCP App shows."""
    _require("icons", lambda: require_icons(draft.icons))
    _require("meta", lambda: require_meta(draft.meta))
    if "ui" in draft.meta:
        raise refused_fields({"meta": "ui: tools and resources have one."})


def require_resource_metadata(draft: ResourceDraft) -> None:
    """The same for a resource; one below ui:// becomes the HTML of an MCP App."""
    is_app, is_skill = draft.uri.startswith(mcp_apps.SCHEME), draft.uri.startswith(skills.SCHEME)
    _require("icons", lambda: require_icons(draft.icons))
    _require("meta", lambda: require_meta(draft.meta, prefixes=[SKILL_PREFIX] if is_skill else []))
    if "ui" in draft.meta:
        if not is_app:
            raise refused_fields({"meta": f"ui: only a resource below {mcp_apps.SCHEME} has one."})
        _require("meta", lambda: mcp_apps.require_resource_ui(draft.meta["ui"]))
    if is_app:
        draft.mime_type = draft.mime_type or mcp_apps.MIME_TYPE
        if draft.mime_type != mcp_apps.MIME_TYPE:
            raise refused_fields({"mime_type": f"A resource below {mcp_apps.SCHEME} is {mcp_apps.MIME_TYPE}."})


def require_endpoint_icons(icons: list[dict[str, Any]]) -> None:
    """Raises Refused(INVALID_INPUT) for icons of an endpoint that clients may not be sent."""
    _require("icons", lambda: require_icons(icons))


def require_website(url: str) -> None:
    """Raises Refused(INVALID_INPUT) for an endpoint's website that is no https URL."""
    if url:
        _require("website_url", lambda: require_url(url))


def _require(field: str, check: Callable[[], None]) -> None:
    try:
        check()
    except InvalidMetadata as error:
        raise refused_fields({field: str(error)}) from None
