"""Reads the process environment, and fails loudly on a value that does not parse."""

import os
from decimal import Decimal, InvalidOperation
from pathlib import Path


class BadEnvironment(Exception):
    """A variable of the environment is missing or does not parse."""


def text(name: str, default: str | None = None) -> str:
    """The variable `name`, or `default`; raises BadEnvironment when there is neither."""
    value = os.environ.get(name, default)
    if value is None:
        raise BadEnvironment(f"{name} is not set.")
    return value


def integer(name: str, default: int) -> int:
    """The variable `name` as an integer; raises BadEnvironment when it is not one."""
    value = os.environ.get(name, "")
    if not value:
        return default
    try:
        return int(value)
    except ValueError:
        raise BadEnvironment(f"{name}={value!r} is not an integer.") from None


def percentage(name: str, default: str) -> Decimal:
    """The variable `name` as a number from 0 to 100 with at most two decimals; raises BadEnvironment otherwise."""
    value = os.environ.get(name, "") or default
    try:
        found = Decimal(value)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or not 0 <= found <= 100 or found != round(found, 2):
        raise BadEnvironment(f"{name}={value!r} is no percentage.")
    return found


def boolean(name: str, *, default: bool) -> bool:
    """The variable `name` as yes or no (1/0, true/false, yes/no, on/off); raises BadEnvironment otherwise."""
    value = os.environ.get(name, "").lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise BadEnvironment(f"{name}={value!r} is neither yes nor no.")


def words(name: str, default: str = "") -> list[str]:
    """The variable `name` as a list, separated by commas or spaces."""
    return os.environ.get(name, default).replace(",", " ").split()


def secret(name: str) -> str:
    """The secret `name`, or the content of the file that `NAME_FILE` names; raises BadEnvironment without either."""
    file = os.environ.get(f"{name}_FILE")
    value = _content(name, file) if file else text(name)
    if not value:
        raise BadEnvironment(f"{name} is empty.")
    return value


def optional_secret(name: str) -> str:
    """The secret `name`, or an empty string when it is not given; raises BadEnvironment when it cannot be read."""
    is_given = os.environ.get(name) or os.environ.get(f"{name}_FILE")
    return secret(name) if is_given else ""


def _content(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadEnvironment(f"{name}_FILE={file!r} cannot be read: {error}") from None
