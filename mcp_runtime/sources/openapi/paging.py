"""Pages: which arguments ask for them, and how an answer says that there is another."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mcp_runtime.sources.openapi.operation import Operation, Paging, Parameter

_PAGE = (
    "cursor", "next_cursor", "page_token", "next_token", "next_page_token", "continuation_token", "continue", "marker",
    "starting_after", "after", "page_cursor", "start_cursor", "page_number", "page_num", "page", "page_no", "offset",
    "skip", "start", "start_index",
)  # fmt: skip
_SIZE = (
    "per_page", "page_size", "limit", "max_results", "results_per_page", "page_limit", "max_items", "top", "count",
    "size", "first",
)  # fmt: skip
# Where answers name what follows, and whether it is a place in the list or a whole address.
_NEXT = (
    ("next",), ("next_cursor",), ("nextCursor",), ("next_page_token",), ("nextPageToken",), ("nextToken",),
    ("next_token",), ("NextToken",), ("next_page",), ("nextPage",), ("@odata.nextLink",), ("nextLink",),
    ("links", "next"), ("_links", "next", "href"), ("paging", "next"), ("pagination", "next"),
    ("pagination", "next_cursor"), ("meta", "next"), ("meta", "next_cursor"), ("response_metadata", "next_cursor"),
)  # fmt: skip
_LINK = re.compile(r"<(?P<target>[^<>]{1,4000})>(?P<parameters>[^<]*)")
_IS_NEXT = re.compile(r';\s*rel\s*=\s*"?[^";]*\bnext\b', re.IGNORECASE)
MAXIMUM_TOKEN = 2_000


def paging_of(parameters: Iterable[Parameter]) -> Paging:
    """The arguments for pages among the parameters of a query."""
    named = {_plain(parameter.name): parameter.argument for parameter in parameters if parameter.place == "query"}
    return Paging(page=_first(named, _PAGE), size=_first(named, _SIZE))


def sentence_of(paging: Paging) -> str:
    """What a tool's description says of its pages; empty without any."""
    if not paging.page:
        return ""
    size = f" {paging.size} says how long they are." if paging.size else ""
    return f"Answers come in pages: {paging.page} asks for the next one.{size}"


def further(operation: Operation, link: str | None, value: Any) -> dict[str, Any]:
    """The arguments that ask for the next page, beside those of this call; empty where the answer names none."""
    arguments = {parameter.name: parameter.argument for parameter in operation.parameters if parameter.place == "query"}
    target = _linked(link) if link else None
    if target is not None:
        return _of_address(target, arguments)
    token = _token(value)
    if token is None:
        return {}
    if isinstance(token, str) and ("?" in token or token.startswith(("http://", "https://", "/"))):
        return _of_address(token, arguments)
    return {operation.paging.page: token} if operation.paging.page else {}


def _plain(name: str) -> str:
    """A parameter's name without its case and signs: $skip, pageToken and page-token are one each."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def _first(named: Mapping[str, str], names: Iterable[str]) -> str:
    return next((named[name] for name in names if name in named), "")


def _linked(header: str) -> str | None:
    """The target of the link whose relation is `next` (RFC 8288)."""
    for found in _LINK.finditer(header):
        if _IS_NEXT.search(found["parameters"]):
            return found["target"]
    return None


def _of_address(address: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    try:
        query = parse_qsl(urlsplit(address).query, max_num_fields=100)
    except ValueError:
        return {}
    return {arguments[name]: value[:MAXIMUM_TOKEN] for name, value in query if name in arguments}


def _token(value: Any) -> str | int | None:
    for path in _NEXT:
        node = value
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        if isinstance(node, str) and 0 < len(node) <= MAXIMUM_TOKEN:
            return node
        if isinstance(node, int) and not isinstance(node, bool):
            return node
    return None
