"""What a server offers, all pages of it, as drafts; what cannot be offered further is named with its reason."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from mcp_runtime import schemas
from mcp_runtime.metadata import InvalidMetadata, require_icons, require_meta
from mcp_runtime.protocol import errors
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.mirrored import InvalidAnnotation, mirrored_arguments
from mcp_runtime.sources.contract import PromptDraft, ResourceDraft, ToolDraft
from mcp_runtime.sources.mcp.era import About
from mcp_runtime.sources.mcp.messages import Answered, broken, printable
from mcp_runtime.sources.mcp.requests import Caller, Request
from mcp_runtime.sources.upstream import Discovery, RefusedOperation, Report
from mcp_runtime.uris import InvalidUri, matcher, require_uri

MAXIMUM_PAGES = 200
MAXIMUM_ENTRIES = 5_000
MAXIMUM_ENTRY_BYTES = 512 * 1024
MAXIMUM_CURSOR = 8 * 1024
MAXIMUM_NAME = 1_024
MAXIMUM_TEXT = 64 * 1024

type Ask = Callable[[Request, Caller], Awaitable[dict[str, Any]]]


class Unoffered(Exception):
    """An entry that cannot be offered further; the message is a sentence that says why."""


async def discover(about: About, ask: Ask, caller: Caller, report: Report) -> Discovery:
    """Everything that the server declares. Raises UpstreamFailed."""
    found = Discovery(instructions=about.instructions, speaks=f"MCP {about.version}")
    if about.offers("tools"):
        await report(0, 0, "tools")
        _take(found, found.tools, await pages(ask, caller, "tools/list", "tools"), "name", tool_draft)
    if about.offers("prompts"):
        await report(0, 0, "prompts")
        _take(found, found.prompts, await pages(ask, caller, "prompts/list", "prompts"), "name", prompt_draft)
    if about.offers("resources"):
        await report(0, 0, "resources")
        singles = await pages(ask, caller, "resources/list", "resources")
        _take(found, found.resources, singles, "uri", resource_draft)
        method = "resources/templates/list"
        templates = await pages(ask, caller, method, "resourceTemplates", optional=True)
        _take(found, found.resources, templates, "uriTemplate", resource_draft)
    return found


async def pages(ask: Ask, caller: Caller, method: str, member: str, *, optional: bool = False) -> list[Any]:
    """All entries of a list. Raises UpstreamFailed for one without an end; `optional` ones may be missing."""
    entries: list[Any] = []
    params: dict[str, Any] = {}
    seen: set[str] = set()
    for _page in range(MAXIMUM_PAGES):
        result = await _page_of(ask, caller, Request(method, params), optional=optional)
        listed = result.get(member, [])
        if type(listed) is not list:
            raise broken(f"The server's {member} are not a list.")
        entries += listed
        if len(entries) > MAXIMUM_ENTRIES:
            raise broken(f"The server lists more than {MAXIMUM_ENTRIES} {member}.")
        cursor = result.get("nextCursor")
        if cursor is None:
            return entries
        if type(cursor) is not str or len(cursor) > MAXIMUM_CURSOR or cursor in seen:
            raise broken(f"The server's list of {member} does not end.")
        seen.add(cursor)
        params = {"cursor": cursor}
    raise broken(f"The server's list of {member} does not end.")


async def _page_of(ask: Ask, caller: Caller, request: Request, *, optional: bool) -> dict[str, Any]:
    try:
        return await ask(request, caller)
    except Answered as error:
        if optional and error.code == errors.METHOD_NOT_FOUND:
            return {}
        raise broken(f"The server does not list what it declares: {error.sentence}") from None


def _take[DraftT](
    found: Discovery, drafts: list[DraftT], entries: list[Any], key: str, make: Callable[[dict[str, Any]], DraftT]
) -> None:
    """Adds what can be offered to the drafts, and the rest to what is refused."""
    seen: set[str] = set()
    for entry in entries:
        name = entry.get(key) if type(entry) is dict else None
        try:
            if type(name) is not str or not 0 < len(name) <= MAXIMUM_NAME:
                raise Unoffered(f"It has no {key} of 1 to {MAXIMUM_NAME} characters.")
            if name in seen:
                raise Unoffered("The server lists it twice.")
            seen.add(name)
            if len(encode(entry)) > MAXIMUM_ENTRY_BYTES:
                raise Unoffered(f"Its definition is larger than {MAXIMUM_ENTRY_BYTES // 1024} KiB.")
            drafts.append(make(entry))
        except Unoffered as reason:
            shown = printable(name, 200) if type(name) is str else f"An entry without {key}"
            found.refused.append(RefusedOperation(shown, str(reason)))


def tool_draft(entry: dict[str, Any]) -> ToolDraft:
    """A Tool of the protocol as a draft. Raises Unoffered."""
    if _object(entry, "execution").get("taskSupport") == "required":
        raise Unoffered("It runs only as a task of 2025-11-25, which an endpoint does not begin at its upstreams.")
    schema = _object(entry, "inputSchema")
    try:
        schemas.require_object_schema(schema)
        mirrored = mirrored_arguments(schema)
        output = entry.get("outputSchema")
        if output is not None:
            schemas.compile_schema(_object(entry, "outputSchema"))
    except schemas.InvalidSchema as error:
        raise Unoffered(f"Its schema cannot be used: {printable(str(error))}") from None
    except InvalidAnnotation as error:
        raise Unoffered(f"A client has to drop it: {printable(str(error))}") from None
    operation: dict[str, Any] = {"name": entry["name"]}
    if mirrored:
        operation["mirrored"] = [[argument.header.decode(), *argument.path] for argument in mirrored]
    annotations = _object(entry, "annotations")
    if annotations.get("idempotentHint") is True or annotations.get("readOnlyHint") is True:
        operation["repeatable"] = True
    return ToolDraft(
        name=entry["name"],
        title=_text(entry, "title"),
        description=_text(entry, "description"),
        input_schema=schema,
        output_schema=output,
        annotations=annotations,
        meta=_meta_of(entry),
        icons=_icons(entry),
        config=operation,
    )


def prompt_draft(entry: dict[str, Any]) -> PromptDraft:
    """A Prompt of the protocol as a draft. Raises Unoffered."""
    arguments = entry.get("arguments", [])
    if type(arguments) is not list or not all(
        type(argument) is dict and type(argument.get("name")) is str for argument in arguments
    ):
        raise Unoffered("Its arguments are not a list of names.")
    return PromptDraft(
        name=entry["name"],
        title=_text(entry, "title"),
        description=_text(entry, "description"),
        arguments=[dict(_argument(argument)) for argument in arguments],
        config={"name": entry["name"]},
        meta=_meta_of(entry),
        icons=_icons(entry),
    )


def _argument(argument: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "name", argument["name"]
    for name in ("title", "description"):
        if text := _text(argument, name):
            yield name, text
    if argument.get("required") is True:
        yield "required", True


def resource_draft(entry: dict[str, Any]) -> ResourceDraft:
    """A Resource or ResourceTemplate of the protocol as a draft. Raises Unoffered."""
    is_template = "uriTemplate" in entry
    uri = entry["uriTemplate"] if is_template else entry["uri"]
    try:
        if is_template:
            matcher(uri)
        else:
            require_uri(uri)
    except InvalidUri as error:
        raise Unoffered(str(error)) from None
    return ResourceDraft(
        uri=uri,
        name=_text(entry, "name") or uri,
        is_template=is_template,
        title=_text(entry, "title"),
        description=_text(entry, "description"),
        mime_type=_text(entry, "mimeType"),
        meta=_meta_of(entry),
        icons=_icons(entry),
        config={"template" if is_template else "uri": uri},
    )


def _text(entry: dict[str, Any], name: str) -> str:
    text = entry.get(name)
    if text is None:
        return ""
    if type(text) is not str or len(text) > MAXIMUM_TEXT:
        raise Unoffered(f"Its {name} is not a text of at most {MAXIMUM_TEXT} characters.")
    return text


def _object(entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    if value is None and name != "inputSchema":
        return {}
    if type(value) is not dict:
        raise Unoffered(f"Its {name} is not an object.")
    return value


def _meta_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Of `_meta` what may be passed on: names of the protocol's own are not a server's to give."""
    return {key: value for key, value in _object(entry, "_meta").items() if _is_meta(key, value)}


def _is_meta(key: str, value: Any) -> bool:
    try:
        require_meta({key: value})
    except InvalidMetadata:
        return False
    return True


def _icons(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The icons that may be shown to others."""
    icons = entry.get("icons", [])
    return [icon for icon in icons if _is_icon(icon)] if type(icons) is list else []


def _is_icon(icon: Any) -> bool:
    try:
        require_icons([icon])
    except InvalidMetadata:
        return False
    return True
