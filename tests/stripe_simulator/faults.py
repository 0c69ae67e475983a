"""What Stripe answers instead of an object: its error shapes, and no others."""

from typing import Any


class Fault(Exception):
    """An error of the API. `status` is the HTTP status; the rest is what `error` says."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"type": kind, "message": message} | {name: value for name, value in more.items() if value}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> Fault:
    """A request that means nothing."""
    return Fault(400, "invalid_request_error", message, param=param, code=code)


def missing(noun: str, identifier: str, *, param: str = "id", status: int = 404) -> Fault:
    """What is named is not there. As a parameter's value it is a 400."""
    return Fault(
        status, "invalid_request_error", f"No such {noun}: '{identifier}'", param=param, code="resource_missing"
    )


def declined(message: str, decline_code: str, **more: Any) -> Fault:
    """A card that does not pay."""
    return Fault(402, "card_error", message, code="card_declined", decline_code=decline_code, **more)


def unauthorized(key: str) -> Fault:
    """A key that nobody has."""
    return Fault(401, "invalid_request_error", f"Invalid API Key provided: {key[:8]}****{key[-4:]}")
