"""ContextForge as a row: its environment, and what has to be registered in it before it passes calls on.

SQLite, one worker, cache in memory: its set-up for development. Authentication is on; rate limits, plugins, audit,
observability and the console are off. Sessions are reused, which is its faster way by far.
"""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.embedded.postgres import HOST
from tests.bench.wire import SECONDS, Target, WrongAnswer

ADMIN = "admin@example.com"
TOKEN_SECONDS = 6 * 3600


def environment(folder: Path, secret: str) -> dict[str, str]:
    """What it is configured with; its database is in `folder`, `secret` signs its tokens."""
    password = f"Aa1!{secrets.token_urlsafe(32)}"
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'contextforge.db'}",
        "CACHE_TYPE": "memory",
        "JWT_SECRET_KEY": secret,
        "AUTH_ENCRYPTION_SECRET": secrets.token_urlsafe(48),
        "PLATFORM_ADMIN_EMAIL": ADMIN,
        "PLATFORM_ADMIN_PASSWORD": password,
        "DEFAULT_USER_PASSWORD": password,
        "BASIC_AUTH_PASSWORD": password,
        "ADMIN_REQUIRE_PASSWORD_CHANGE_ON_BOOTSTRAP": "false",
        "USE_STATEFUL_SESSIONS": "true",
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "RATE_LIMITING_ENABLED": "false",
        "TOOL_RATE_LIMIT": "1000000000",
        "PLUGINS_ENABLED": "false",
        "MCPGATEWAY_UI_ENABLED": "false",
        "LLMCHAT_ENABLED": "false",
        "LOG_LEVEL": "ERROR",
    }


def token(secret: str, now: float) -> str:
    """A bearer's token of its administrator (JWT, RFC 7519), good for some hours from `now`."""
    user = {"email": ADMIN, "full_name": "Bench", "is_admin": True, "auth_provider": "cli"}
    claims: dict[str, Any] = {"sub": ADMIN, "username": ADMIN, "user": user, "teams": None, "env": "development"}
    claims |= {"iss": "mcpgateway", "aud": "mcpgateway-api", "jti": secrets.token_hex(16)}
    claims |= {"iat": int(now), "exp": int(now) + TOKEN_SECONDS}
    signed = b".".join(_part(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + _part(hmac.digest(secret.encode(), signed, hashlib.sha256))).decode()


def registering(upstream: int) -> Callable[[Target], Target]:
    """What makes of a started gateway one with a server that passes `echo` on to the MCP server at port `upstream`."""

    def register(target: Target) -> Target:
        target = replace(target, key=token(target.key, time.time()))
        url = f"http://{HOST}:{upstream}/mcp"
        _ask(target, "POST", "/gateways", {"name": "upstream", "url": url, "transport": "STREAMABLEHTTP"})
        [tool] = _ask(target, "GET", "/tools")
        asked = {"server": {"name": "bench", "associated_tools": [tool["id"]]}}
        server = _ask(target, "POST", "/servers", asked)
        return replace(target, path=f"/servers/{server['id']}/mcp", call=replace(target.call, tool=tool["name"]))

    return register


def _ask(target: Target, method: str, path: str, content: dict[str, Any] | None = None) -> Any:
    connection = http.client.HTTPConnection(HOST, target.port, timeout=SECONDS)
    try:
        headers = {"Authorization": f"Bearer {target.key}", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(content) if content else None, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status not in {200, 201}:
        raise WrongAnswer(f"{method} {path}: HTTP {answer.status}: {text[:300]!r}")
    return json.loads(text)


def _part(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
