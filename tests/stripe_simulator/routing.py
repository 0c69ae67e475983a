"""Which request means what: methods and paths of the API, each with the typed parameters that the client sends."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.stripe_simulator.accounts import Account
from tests.stripe_simulator.faults import Fault, invalid
from tests.stripe_simulator.shapes import Object, listed


@dataclass(frozen=True)
class Request:
    """A request that was understood. `ids` are the path's; `base` is where the simulator is reached."""

    account: Account
    params: dict[str, Any]
    ids: tuple[str, ...]
    base: str
    path: str


type Handler = Callable[[Request], Object]


@dataclass(frozen=True)
class Route:
    """One operation."""

    method: str
    pattern: re.Pattern[str]
    params: type
    handler: Handler


ROUTES: list[Route] = []


def route(method: str, path: str, params: type) -> Callable[[Handler], Handler]:
    """Answers `method` at `path` (`{}` is an id) by the function, with parameters as `params` types them."""
    pattern = re.compile("/".join("([^/]+)" if part == "{}" else re.escape(part) for part in path.split("/")))

    def mount(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, params, handler))
        return handler

    return mount


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The operation and the path's ids. Raises Fault for one that the API does not have, or this stand-in not yet."""
    for known in ROUTES:
        if known.method == method and (met := known.pattern.fullmatch(path)):
            return known, met.groups()
    raise Fault(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({method}: {path}). The simulator does not have it.",
        code="url_invalid",
    )


def readable(noun: str, path: str, retrieve: type, listing: type | None = None, filters: tuple[str, ...] = ()) -> None:
    """Mounts `GET path/{id}`, and `GET path` filtered by the fields of the same name."""

    @route("GET", f"{path}/{{}}", retrieve)
    def _retrieve(request: Request) -> Object:
        return request.account.get(noun, request.ids[0])

    if listing is None:
        return

    @route("GET", path, listing)
    def _list(request: Request) -> Object:
        wanted = {name: request.params[name] for name in filters if name in request.params}
        return page(request, [made for made in request.account.all(noun) if _is_wanted(made, wanted)])


def _is_wanted(made: Object, wanted: dict[str, Any]) -> bool:
    return all(fits(made.get(name), value) for name, value in wanted.items())


def fits(value: Any, wanted: Any) -> bool:
    """Whether a field is as wanted; a mapping is a range of times, and `all` is anything."""
    if isinstance(wanted, dict):
        compared = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
        return all(compared[name](limit) is True for name, limit in wanted.items())
    return wanted == "all" or bool(value == wanted)


def page(request: Request, found: list[Object]) -> Object:
    """A page of what was found, the last made first, as `limit`, `starting_after` and `ending_before` say."""
    found = [*reversed(found)]
    limit = request.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid("This value must be between 1 and 100 (inclusive).", param="limit")
    identifiers = [made["id"] for made in found]
    if after := request.params.get("starting_after"):
        found = found[_place(identifiers, after, "starting_after") + 1 :]
    if before := request.params.get("ending_before"):
        found = found[: _place(identifiers, before, "ending_before")]
        return listed(found[-limit:], request.path, has_more=len(found) > limit)
    return listed(found[:limit], request.path, has_more=len(found) > limit)


def _place(identifiers: list[str], identifier: str, param: str) -> int:
    if identifier not in identifiers:
        raise invalid(f"No such object: '{identifier}'", param=param, code="resource_missing")
    return identifiers.index(identifier)


def expanded(account: Account, made: Object, paths: list[str]) -> Object:
    """A copy of an answer in which the ids at `paths` are objects."""
    made = dict(made)
    for path in paths:
        _expand(account, made, path.split("."))
    return made


def _expand(account: Account, made: Object, path: list[str]) -> None:
    name, *rest = path
    if name not in made:
        raise invalid(f"This property cannot be expanded ({name}).", param="expand", code="property_not_expandable")
    made[name] = _opened(account, made[name], rest)


def _opened(account: Account, value: Any, rest: list[str]) -> Any:
    if isinstance(value, str):
        # The platform's fees are the one thing of another account that an answer names.
        of_platform = account.platform.objects if account.platform and value.startswith("fee_") else {}
        value = account.objects.get(value) or of_platform.get(value, value)
    if isinstance(value, list):
        return [_opened(account, member, rest) for member in value]
    if isinstance(value, dict):
        value = dict(value)
        if rest:
            _expand(account, value, rest)
    return value
