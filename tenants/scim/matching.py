"""What of a SCIM filter PostgreSQL can narrow down, by columns that hold what providers look for.

It narrows only: whatever is left is matched by the library, so that a filter means what RFC 7644 section 3.4.2.2 says.
No text of a filter becomes SQL: values are parameters of Django's queries.
"""

from collections.abc import Callable
from unicodedata import normalize
from uuid import UUID

from django.db.models import Q
from scim2_models.path import CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator, ValuePath

type _Equals = Callable[[str, str], Q | None]

NOBODY = Q(pk__in=())
_USER_COLUMNS = {"username": "user_name", "emails": "addresses", "emails.value": "addresses"}
_GROUP_COLUMNS = {"displayname": "name__iexact", "members": "member", "members.value": "member"}


def folded(text: str) -> str:
    """A text as attributes that are not case-exact are compared (`scim2_models.default_comparison_key`)."""
    return normalize("NFC", normalize("NFC", text).lower())


def narrowed_users(node: FilterNode) -> Q | None:
    """A condition that every user matching the filter fulfils; None where nothing can be said."""
    return _narrowed(node, _user_equals)


def narrowed_groups(node: FilterNode) -> Q | None:
    """The same for groups."""
    return _narrowed(node, _group_equals)


def _narrowed(node: FilterNode, equals: _Equals) -> Q | None:
    if isinstance(node, Comparison):
        return _compared(str(node.attr_path), node, equals)
    if isinstance(node, ValuePath):
        inside = node.val_filter
        if isinstance(inside, Comparison):
            return _compared(f"{node.attr_path}.{inside.attr_path}", inside, equals)
        if isinstance(inside, LogicalExpr) and inside.op == LogicalOperator.and_:
            compared = [one for one in inside.terms if isinstance(one, Comparison)]
            return _all([_compared(f"{node.attr_path}.{one.attr_path}", one, equals) for one in compared])
        return None
    if isinstance(node, LogicalExpr):
        terms = [_narrowed(one, equals) for one in node.terms]
        return _all(terms) if node.op == LogicalOperator.and_ else _any(terms)
    return None


def _compared(path: str, node: Comparison, equals: _Equals) -> Q | None:
    if node.op != CompareOperator.eq or not isinstance(node.value, str):
        return None
    return equals(path.rpartition(":")[2].lower(), node.value)


def _all(terms: list[Q | None]) -> Q | None:
    known = [term for term in terms if term is not None]
    return Q(*known) if known else None


def _any(terms: list[Q | None]) -> Q | None:
    if any(term is None for term in terms):
        return None
    either = NOBODY
    for term in terms:
        either |= term or NOBODY
    return either


def _either_equals(path: str, value: str) -> Q | None:
    """What a comparison means for users and groups alike; None where that is for each to say."""
    if not _is_storable(value):
        return NOBODY
    if path == "id":
        return by_id(value)
    return Q(external_id=value) if path == "externalid" else None


def _user_equals(path: str, value: str) -> Q | None:
    known = _either_equals(path, value)
    if known is not None:
        return known
    column = _USER_COLUMNS.get(path)
    if column == "addresses":
        return Q(addresses__contains=[folded(value)])
    return None if column is None else Q(**{column: folded(value)})


def _group_equals(path: str, value: str) -> Q | None:
    known = _either_equals(path, value)
    if known is not None:
        return known
    column = _GROUP_COLUMNS.get(path)
    if column == "member":
        return by_id(value, "members__provisioned_id")
    return None if column is None else Q(**{column: value})


def _is_storable(value: str) -> bool:
    """Whether a column could hold a text: PostgreSQL's have neither null characters nor lone surrogates."""
    return "\0" not in value and value.encode("utf-8", "ignore").decode() == value


def by_id(value: str, column: str = "pk") -> Q:
    """The row with this id, if it is one of ours: theirs are lower case UUIDs, with hyphens."""
    try:
        known = UUID(value)
    except ValueError:
        return NOBODY
    return Q(**{column: known}) if str(known) == value else NOBODY
