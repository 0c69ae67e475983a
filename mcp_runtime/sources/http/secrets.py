"""Secret headers: sealed together with the origin they were given for, and sent nowhere else.

Without that, whoever may edit a tool could read its secrets, which nobody can: by pointing it at a server of theirs.
"""

from collections.abc import Callable

from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.http.headers import canonical, require_name, require_value
from mcp_runtime.sources.http.template import InvalidTemplate

SHORTEST_HIDDEN = 8  # a shorter one would be found in texts that have nothing to do with it
HIDDEN = "[secret]"


def bind(secrets: dict[str, str], origin: str) -> dict[str, str]:
    """The secrets as they are sealed: bound to `origin`; empty ones stay, they mean removal. Raises InvalidConfig."""
    wrong: dict[str, str] = {}
    for name, value in secrets.items():
        try:
            require_name(name)
            require_value(value)
        except InvalidTemplate as error:
            wrong[f"secrets.{name}"] = str(error)
    if wrong:
        raise InvalidConfig(wrong)
    return {canonical(name): f"{origin} {value}" if value else "" for name, value in secrets.items()}


def release(secrets: dict[str, str], origin: str) -> dict[str, str]:
    """The headers that may be sent to `origin`; raises InvalidConfig that names those given for another."""
    split = {name: bound.partition(" ") for name, bound in secrets.items()}
    wrong = {
        f"secrets.{name}": f"The secret header {name} was given for another address than this. Enter it again."
        for name, (given, _space, _value) in split.items()
        if given != origin
    }
    if wrong:
        raise InvalidConfig(wrong)
    return {name: value for name, (_given, _space, value) in split.items()}


def hiding(headers: dict[str, str]) -> Callable[[str], str]:
    """A function that takes the values of these headers out of a text, and each of their words."""
    words = {word for value in headers.values() for word in (value, *value.split()) if len(word) >= SHORTEST_HIDDEN}
    ordered = sorted(words, key=len, reverse=True)

    def hide(text: str) -> str:
        for word in ordered:
            text = text.replace(word, HIDDEN)
        return text

    return hide
