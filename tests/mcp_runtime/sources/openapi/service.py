"""A real service with a resource for each way to answer, and one that tells what arrived."""

import asyncio
import base64
from typing import Any

from aiohttp import web

from mcp_runtime.sources.contract import ToolResult
from tests.mcp_runtime.sources.openapi.serving import Hand, called, document_with

SECRET = "0123456789-secret"
PNG = b"\x89PNG\r\n\x1a\n\xff"
OAUTH = {"o": {"type": "oauth2", "flows": {}}}
OBJECT = {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}


async def service(request: web.Request) -> web.StreamResponse:
    """What arrived, or what the path asks for."""
    kind = request.path.split("/")[1]
    if kind == "seen":
        return await seen(request)
    if kind == "oauth":
        is_fresh = request.headers.get("Authorization") == "Bearer fresh-token"
        return web.json_response({"ok": True}) if is_fresh else web.Response(status=401, headers=CHALLENGE)
    if kind == "hang":
        await asyncio.sleep(30)
    if kind == "broken":
        assert request.transport is not None
        request.transport.close()
    return web.Response(**ANSWERS[kind])


CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
ANSWERS: dict[str, dict[str, Any]] = {
    "": {"status": 404},
    "nowhere": {"status": 404},
    "me": {"text": '{"id": 1}'},
    "list": {"text": "[1, 2]", "content_type": "application/json"},
    "text": {"text": "hello wörld"},
    "empty": {"status": 204},
    "image": {"body": PNG, "content_type": "image/png"},
    "sound": {"body": b"RIFF\xff", "content_type": "audio/wav"},
    "file": {"body": b"%PDF\xff", "content_type": "application/pdf"},
    "big": {"body": bytes(600 * 1024), "content_type": "application/pdf"},
    "huge": {"body": bytes(2 * 1024 * 1024)},
    "linked": {
        "text": "[]",
        "headers": {"Link": '<https://x.example.com/list?page=3&per_page=2&other=1>; rel="next", </>; rel="prev"'},
    },
    "cursor": {"text": '{"items": [], "next_cursor": "abc"}'},
    "next": {"text": '{"links": {"next": "/next?cursor=a%20b"}}'},
    "unauthorized": {"status": 401},
    "denied": {"status": 403, "text": "not for you"},
    "limited": {"status": 429, "headers": {"Retry-After": "30"}},
    "failing": {"status": 503, "text": "<h1>down</h1>"},
    "leak": {"status": 400, "text": f"bad key {SECRET}"},
    "moved": {"status": 302, "headers": {"Location": "http://169.254.169.254/latest/meta-data/"}},
}


async def seen(request: web.Request) -> web.Response:
    is_multipart = request.content_type == "multipart/form-data"
    parts = [(name, _part(value)) for name, value in (await request.post()).items()] if is_multipart else []
    body = b"" if is_multipart else await request.read()
    return web.json_response(
        {
            "method": request.method,
            "url": request.raw_path,
            "query": [*request.query.items()],
            "headers": {name: value for name, value in request.headers.items() if name not in ("Host", "User-Agent")},
            "cookies": dict(request.cookies),
            "body": body.decode("utf-8", "replace"),
            "parts": parts,
        }
    )


def _part(value: str | bytes | bytearray | web.FileField) -> Any:
    if isinstance(value, web.FileField):
        return [value.filename, value.content_type, base64.b64encode(value.file.read()).decode()]
    return value if isinstance(value, str) else value.decode()


async def got(base: str, path: str, hand: Hand | None = None, **operation: Any) -> ToolResult:
    """The result of a GET of `path` without arguments."""
    components = operation.pop("components", {})
    config = operation.pop("config", {})
    document = document_with(operation, path=path, components=components)
    return await called(base, document, "call", {}, hand, **config)


def with_security(**schemes: dict[str, Any]) -> dict[str, Any]:
    """An operation that needs any of these schemes, and the components that describe them."""
    return {"security": [{name: []} for name in schemes], "components": {"securitySchemes": schemes}}
