"""One question to a GraphQL service, over HTTP, and what its answer says (GraphQL over HTTP, section 6)."""

from dataclasses import dataclass
from typing import Any

import msgspec

from core.outbound import FetchFailed, Limits, Response, fetch
from core.refusals import Refused
from mcp_runtime.sources.http.headers import canonical
from mcp_runtime.sources.http.secrets import hiding
from mcp_runtime.sources.upstream import Health, Line, UpstreamFailed
from tenants.vault.oauth.challenges import bearer_challenge

ACCEPT = "application/graphql-response+json, application/json;q=0.9"
AUTHORIZATION = "Authorization"
ERRORS = 5
ERROR_CHARACTERS = 500
# What services in use say in `extensions.code`.
UNAUTHENTICATED = frozenset({"UNAUTHENTICATED", "UNAUTHORIZED", "INVALID_TOKEN", "NOT_AUTHENTICATED"})
FORBIDDEN = frozenset({"FORBIDDEN", "PERMISSION_DENIED", "ACCESS_DENIED"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered: `data` may be there beside `errors`, which are sentences fit to show."""

    data: Any
    errors: list[str]
    is_forbidden: bool = False


class Exchange:
    """Asks one service; `headers` are the configured ones."""

    def __init__(self, url: str, headers: dict[str, str], line: Line) -> None:
        self._url = url
        self._headers = {"Accept": ACCEPT, "Content-Type": "application/json"} | headers
        self._line = line

    async def ask(self, question: dict[str, Any], limits: Limits, principal: str = "") -> Answer:
        """Sends a document with its variables. Raises UpstreamFailed where the service did not answer GraphQL."""
        body = msgspec.json.encode(question)
        secrets = dict(await self._line.credentials.secrets())
        token = await self._line.credentials.token(principal)
        answer = await self._send(body, secrets, token, limits)
        if isinstance(answer, _LoginNeeded) and await self._renewed(principal, token, answer.challenge):
            token = await self._line.credentials.token(principal)
            answer = await self._send(body, secrets, token, limits)
        if isinstance(answer, _LoginNeeded):
            raise UpstreamFailed(answer.sentence, Health.NEEDS_LOGIN)
        return answer

    async def _renewed(self, principal: str, token: str | None, challenge: str) -> bool:
        return token is not None and await self._line.credentials.rejected(principal, token, challenge)

    async def _send(
        self, body: bytes, secrets: dict[str, str], token: str | None, limits: Limits
    ) -> "Answer | _LoginNeeded":
        secret = {canonical(name): value for name, value in secrets.items()}
        if token is not None:
            secret[AUTHORIZATION] = f"Bearer {token}"
        try:
            headers = self._headers | secret
            response = await fetch(self._line.http, "POST", self._url, headers=headers, body=body, limits=limits)
        except (FetchFailed, Refused) as failure:
            raise UpstreamFailed(str(failure)) from None
        challenge = response.header("www-authenticate") or ""
        if response.status == 403 and token is not None and bearer_challenge(challenge).lacks_scope:
            return _LoginNeeded(challenge, "The service asks for more than its login covers.")
        return _read(response, secret)


@dataclass(frozen=True, slots=True)
class _LoginNeeded:
    """The service asks who we are; `challenge` is its WWW-Authenticate."""

    challenge: str
    sentence: str = "The service does not take our credentials."


def _read(response: Response, secret: dict[str, str]) -> Answer | _LoginNeeded:
    if response.status == 401:
        return _LoginNeeded(response.header("www-authenticate") or "")
    document = _document(response)
    if document is None:
        raise _failure(response)
    errors = document.get("errors")
    entries = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    codes = {_code(entry) for entry in entries}
    if document.get("data") is None and codes & UNAUTHENTICATED:
        return _LoginNeeded(response.header("www-authenticate") or "")
    hide = hiding(secret)
    said = [hide(_sentence(entry)) for entry in entries[:ERRORS]]
    if len(entries) > ERRORS:
        said.append(f"… and {len(entries) - ERRORS} more.")
    is_forbidden = response.status == 403 or bool(codes & FORBIDDEN)
    return Answer(document.get("data"), said, is_forbidden)


def _document(response: Response) -> dict[str, Any] | None:
    """The answer, if it is one of GraphQL: an object with `data` or a list of `errors`."""
    try:
        document = msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    if not isinstance(document, dict) or not ("data" in document or isinstance(document.get("errors"), list)):
        return None
    if "data" not in document and not document["errors"]:
        return None
    return document


def _failure(response: Response) -> UpstreamFailed:
    status, host = response.status, response.host
    if status == 403:
        return UpstreamFailed(f"{host} refuses to answer us.", Health.DENIED)
    if status == 429:
        return UpstreamFailed(f"{host} has had too many requests. Try again later.", Health.DEGRADED)
    if 200 <= status <= 299:
        return UpstreamFailed(f"{host} answered, and not what GraphQL answers.")
    return UpstreamFailed(f"{host} answered {status}.")


def _code(entry: dict[str, Any]) -> str:
    extensions = entry.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return code.upper() if isinstance(code, str) else ""


def _sentence(entry: dict[str, Any]) -> str:
    message = entry.get("message")
    text = message if isinstance(message, str) and message else "An error without a message."
    path = entry.get("path")
    place = f" (at {'.'.join(str(step) for step in path[:20])})" if isinstance(path, list) and path else ""
    return "".join(character if character.isprintable() else " " for character in text + place)[:ERROR_CHARACTERS]
