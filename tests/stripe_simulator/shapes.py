"""Answers held to the client's own classes: every field that a class declares is there, and no other."""

import sys
import types
from functools import cache
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

type Object = dict[str, Any]

# Optional in the class, and in an answer only where it was asked for or has happened.
_ABSENT = frozenset({"deleted", "currency_options", "subscriptions", "sources", "tax", "refunds", "cash_balance"})


def shaped(kind: type, **fields: Any) -> Object:
    """An object of `kind` (a class of `stripe`), with what was given and otherwise empty.

    Raises TypeError for a field that the class does not have, and for one that it cannot do without.
    """
    declared = _fields(kind)
    if unknown := set(fields) - set(declared):
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    made = {
        name: _empty(kind, name, hint) for name, hint in declared.items() if name not in fields and name not in _ABSENT
    }
    return made | fields


@cache
def _fields(kind: type) -> dict[str, Any]:
    return {
        name: hint for name, hint in kind.__annotations__.items() if not name.startswith("_") and name != "OBJECT_NAME"
    }


def _empty(kind: type, name: str, hint: Any) -> Any:
    if isinstance(hint, str):
        hint = eval(hint, vars(sys.modules[kind.__module__]))  # noqa: S307  the client library's own annotation
    origin, members = get_origin(hint), get_args(hint)
    if origin is Union or origin is types.UnionType:
        if type(None) in members:
            return None
    elif origin is Literal:
        return members[0]
    elif origin is list:
        return []
    elif hint is bool:
        return False
    elif name == "metadata" or "UntypedStripeObject" in str(hint):
        return {}
    raise TypeError(f"{kind.__name__} needs {name}: {hint.__forward_arg__ if isinstance(hint, ForwardRef) else hint}")


def listed(members: list[Object], url: str, *, has_more: bool = False) -> Object:
    """A page of a list."""
    return {"object": "list", "data": members, "has_more": has_more, "url": url}
