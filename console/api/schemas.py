"""What every schema of the API shares: bodies that refuse unknown fields, and the errors of an operation."""

from datetime import UTC
from typing import Annotated, Any

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from console.api.problems import Problem

Moment = Annotated[
    AwareDatetime,
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    Field(description="A moment with its time zone (RFC 3339); answers are in UTC."),
]


class Body(Schema):
    """A request's body. A field that nobody reads is refused: a misspelt one would silently do nothing."""

    model_config = ConfigDict(extra="forbid")


def answers(status: int, schema: Any, *errors: int) -> dict[int, Any]:
    """The answers of an operation: its success, and the problems that every operation or this one may give."""
    return {status: schema} | dict.fromkeys(sorted({401, 403, 500, 503, *errors}), Problem)


def written(status: int, schema: Any, *errors: int) -> dict[int, Any]:
    """The answers of an operation that reads a body."""
    return answers(status, schema, 400, 409, 413, 415, 422, *errors)
