"""Names of tools and arguments: what models' programs take, out of what documents say, each once."""

import re

MAXIMUM_NAME = 64
MAXIMUM_ARGUMENT = 64

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]+")
_REPEATED = re.compile(r"_{2,}")


def sanitised(text: str, limit: int = MAXIMUM_NAME) -> str:
    """The text as a name of letters, digits, dots, hyphens and underscores; perhaps empty."""
    return _REPEATED.sub("_", _FORBIDDEN.sub("_", text)).strip("_.-")[:limit].rstrip("_.-")


def operation_name(operation_id: object, method: str, path: str) -> str:
    """The name of an operation: its own, or else its method and path: get_users_id."""
    own = sanitised(operation_id) if isinstance(operation_id, str) else ""
    return own or sanitised(f"{method.lower()}_{path}") or method.lower()


class Names:
    """Gives each name once: the second `list` is `list_2`."""

    def __init__(self, limit: int = MAXIMUM_NAME) -> None:
        self._limit = limit
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._taken

    def take(self, name: str) -> str:
        """`name`, or one like it that nobody has. Names that differ in their case alone are the same to people."""
        chosen, number = name, 2
        while chosen in self:
            ending = f"_{number}"
            chosen, number = f"{name[: self._limit - len(ending)]}{ending}", number + 1
        self._taken.add(chosen.lower())
        return chosen
