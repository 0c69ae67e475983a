"""Requests held to the client's own typed parameters (`stripe.params`), so that what is accepted here cannot drift."""

import sys
import types
from collections.abc import Mapping
from math import isnan
from typing import Any, ForwardRef, Literal, NotRequired, Required, Union, get_args, get_origin

from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import is_typeddict

from tests.stripe_simulator.faults import Fault, invalid

_OPTIONS = frozenset(RequestOptions.__annotations__)
_BOOLEANS = {"true": True, "false": False}


def checked(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as `kind` (a TypedDict of stripe.params) types it. Raises Fault as Stripe refuses."""
    return _mapping(kind, given, "")


def _mapping(kind: type, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    known = {name: hint for name, hint in kind.__annotations__.items() if name not in _OPTIONS}
    for name in given:
        if name not in known:
            raise invalid(
                f"Received unknown parameter: {_at(path, name)}", param=_at(path, name), code="parameter_unknown"
            )
    for name in getattr(kind, "__required_keys__", frozenset()) - _OPTIONS:
        if name not in given:
            raise invalid(
                f"Missing required param: {_at(path, name)}.", param=_at(path, name), code="parameter_missing"
            )
    return {name: _value(_resolved(known[name], kind), value, _at(path, name), kind) for name, value in given.items()}


def _at(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _resolved(hint: Any, kind: type) -> Any:
    """A hint without its quotes, in the words of the module that wrote it."""
    if isinstance(hint, ForwardRef):
        hint = hint.__forward_arg__
    if isinstance(hint, str):
        hint = eval(hint, vars(sys.modules[kind.__module__]))  # noqa: S307  the client library's own annotation
    return hint


def _value(hint: Any, value: Any, path: str, kind: type) -> Any:
    hint = _resolved(hint, kind)
    origin = get_origin(hint)
    if origin in {NotRequired, Required}:
        return _value(get_args(hint)[0], value, path, kind)
    if origin is Union or origin is types.UnionType:
        return _one_of(get_args(hint), value, path, kind)
    if origin is Literal:
        return _literal(get_args(hint), value, path)
    if origin is list:
        return _list(get_args(hint)[0], value, path, kind)
    if origin in {dict, UntypedStripeObject}:
        return _free(value, path)
    if is_typeddict(hint):
        return _mapping(hint, _hash(value, path), path)
    return _scalar(hint, value, path)


def _one_of(hints: tuple[Any, ...], value: Any, path: str, kind: type) -> Any:
    refused: Fault | None = None
    for hint in _meant(hints):
        try:
            return _value(hint, value, path, kind)
        except Fault as fault:
            # What is wrong deep inside says more than that another form was not meant.
            if refused is None or len(fault.error.get("param", "")) > len(refused.error.get("param", "")):
                refused = fault
    raise refused or invalid(f"Invalid value for {path}", param=path)


def _meant(hints: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without the `str` that the client adds to choices, so that new ones do not break it."""
    choices = any(get_origin(hint) is Literal and get_args(hint) != ("",) for hint in hints)
    return tuple(hint for hint in hints if hint is not str) if choices else hints


def _literal(allowed: tuple[Any, ...], value: Any, path: str) -> Any:
    for choice in allowed:
        if value == choice or (isinstance(choice, bool) and _BOOLEANS.get(value) is choice):
            return choice
    wanted = ", ".join(str(choice) for choice in allowed)
    raise invalid(f"Invalid {path}: must be one of {wanted}", param=path)


def _list(hint: Any, value: Any, path: str, kind: type) -> list[Any]:
    if value == "":
        return []
    members = _hash(value, path, "array")
    if sorted(members) != sorted(str(number) for number in range(len(members))):
        raise invalid(f"Invalid array: {path}", param=path)
    return [_value(hint, members[str(place)], _at(path, str(place)), kind) for place in range(len(members))]


def _hash(value: Any, path: str, noun: str = "hash") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"Invalid {noun}: {path}", param=path)
    return value


def _free(value: Any, path: str) -> dict[str, str]:
    for name, text in _hash(value, path).items():
        if not isinstance(text, str) or len(text) > 500 or len(name) > 40:
            raise invalid(f"Invalid value for {_at(path, name)}", param=_at(path, name))
    return dict(value)


def _scalar(hint: Any, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise invalid(f"Invalid value for {path}: must be a single value", param=path)
    if hint is str or hint is Any:
        return value
    if hint is bool:
        if value not in _BOOLEANS:
            raise invalid(f"Invalid boolean: {value}", param=path)
        return _BOOLEANS[value]
    if "e" in value.lower():
        raise invalid(f"Invalid decimal: {value}", param=path)
    try:
        number = hint(value)  # int, float or Decimal
    except (ValueError, ArithmeticError):
        raise invalid(f"Invalid {'integer' if hint is int else 'decimal'}: {value}", param=path) from None
    if isnan(number) or abs(number) > 99_999_999_999_999:
        raise invalid(f"Invalid number: {value}", param=path)
    return number
