"""The parameters of a statement: what a client is told of them, and what is bound for them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from mcp_runtime import schemas
from mcp_runtime.schemas import InvalidSchema
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.sql.config import Parameter, Statement
from mcp_runtime.sources.sql.placeholders import InvalidStatement, Text, parse

BIGGEST = 2**63 - 1  # of bigint in PostgreSQL, and of integers in SQLite
SCHEMAS: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer", "minimum": -BIGGEST, "maximum": BIGGEST},
    "number": {"type": "number"},
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
    "json": {},
}
NUMERIC = frozenset({"integer", "number"})


class BadArgument(Exception):
    """An argument cannot be bound; the message says why, and is shown to the caller."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that was checked: its text, its parameters by name, and the schema of its arguments."""

    statement: Statement
    text: Text
    parameters: dict[str, Parameter]
    input_schema: dict[str, Any]

    def values(self, arguments: dict[str, Any], convert: Callable[[Parameter, Any], Any]) -> dict[str, Any]:
        """What is bound for each parameter: `convert` makes it of a value that is there. Raises BadArgument."""
        bound: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            value = arguments.get(name, parameter.default)
            try:
                bound[name] = None if value is msgspec.UNSET else convert(parameter, value)
            except (ValueError, TypeError, OverflowError):
                raise BadArgument(
                    f"{name} is no {parameter.items or parameter.type} that the database takes."
                ) from None
        return bound


def prepare(statement: Statement, field: str) -> Prepared:
    """Checks a statement as far as that goes without its database. Raises InvalidConfig with places below `field`."""
    parameters = {parameter.name: parameter for parameter in statement.parameters}
    wrong: dict[str, str] = {}
    if len(parameters) < len(statement.parameters):
        wrong[f"{field}.parameters"] = "Two parameters have one name."
    try:
        text = parse(statement.sql)
        wrong |= _mismatch(text, parameters, field)
        schema = _input_schema(statement.parameters, field)
    except InvalidStatement as error:
        raise InvalidConfig(wrong | {f"{field}.sql": str(error)}) from None
    if wrong:
        raise InvalidConfig(wrong)
    return Prepared(statement, text, parameters, schema)


def _mismatch(text: Text, parameters: dict[str, Parameter], field: str) -> dict[str, str]:
    unknown = [name for name in text.names if name not in parameters]
    unused = [name for name in parameters if name not in text.names]
    wrong = {f"{field}.sql": f":{name} is no parameter of the statement." for name in unknown[:1]}
    return wrong | {f"{field}.parameters": f"{name} does not stand in the statement." for name in unused[:1]}


def _input_schema(parameters: list[Parameter], field: str) -> dict[str, Any]:
    properties = {}
    for number, parameter in enumerate(parameters):
        properties[parameter.name] = schema = _schema_of(parameter, f"{field}.parameters[{number}]")
        _require_own_values_fit(parameter, schema, f"{field}.parameters[{number}]")
    required = [parameter.name for parameter in parameters if _is_required(parameter)]
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _is_required(parameter: Parameter) -> bool:
    return parameter.required and parameter.default is msgspec.UNSET


def _schema_of(parameter: Parameter, field: str) -> dict[str, Any]:
    if (parameter.type == "array") != (parameter.items is not None):
        raise InvalidConfig({f"{field}.items": "A list says what its items are, and nothing else does."})
    scalar = parameter.items or parameter.type
    schema = dict(SCHEMAS[scalar])
    if scalar in NUMERIC:
        schema |= _given(minimum=parameter.minimum, maximum=parameter.maximum)
    elif parameter.minimum is not None or parameter.maximum is not None:
        raise InvalidConfig({f"{field}.minimum": "Only numbers have a smallest and a largest."})
    schema |= _given(enum=parameter.enum, maxLength=parameter.max_length if scalar == "string" else None)
    if parameter.type == "array":
        schema = {"type": "array", "items": schema} | _given(maxItems=parameter.max_items)
    schema |= _given(description=parameter.description or None)
    return schema if parameter.default is msgspec.UNSET else schema | {"default": parameter.default}


def _given(**keywords: Any) -> dict[str, Any]:
    return {name: value for name, value in keywords.items() if value is not None}


def _require_own_values_fit(parameter: Parameter, schema: dict[str, Any], field: str) -> None:
    try:
        validator = schemas.compile_schema(schema)
    except InvalidSchema as error:
        raise InvalidConfig({field: str(error)}) from None
    if parameter.default is not msgspec.UNSET and not validator.is_valid(parameter.default):
        raise InvalidConfig({f"{field}.default": "The default is not a value that the parameter takes."})


def as_text(kind: str, value: Any) -> str:
    """A value of the declared type as the text that databases read it from. Raises ValueError, TypeError."""
    return CONVERSIONS[kind](value)


def _integer(value: Any) -> str:
    number = int(value)
    if number != value or abs(number) > BIGGEST:
        raise ValueError
    return str(number)


def _string(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError
    value.encode()  # lone surrogates raise UnicodeEncodeError, which is a ValueError
    return value


CONVERSIONS: dict[str, Callable[[Any], str]] = {
    "integer": _integer,
    "number": lambda value: repr(value + 0),
    "string": _string,
    "boolean": lambda value: "true" if value else "false",
    "date": lambda value: date.fromisoformat(value).isoformat(),
    "datetime": lambda value: datetime.fromisoformat(value).isoformat(),
    "uuid": lambda value: str(uuid.UUID(value)),
    "json": lambda value: msgspec.json.encode(value).decode(),
}
