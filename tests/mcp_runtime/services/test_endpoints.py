"""Endpoints: within the plan, under one name each, reachable from the origins that were named."""

import pytest

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services import endpoints
from tenants.models import Role
from tests.conftest import Cast, unique
from tests.entitled import entitle_outside
from tests.races import at_once, refused_names


def _create(cast: Cast, slug: str = "", **fields: object) -> Endpoint:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        return endpoints.endpoint_create(actor=actor, slug=slug or unique("e"), **{"name": "E"} | fields)  # type: ignore[arg-type]


def test_a_plan_allows_so_many_endpoints(cast: Cast) -> None:
    entitle_outside(cast.tenant.id, endpoints=1)
    _create(cast)
    with pytest.raises(Refused) as refusal:
        _create(cast)
    assert refusal.value.refusal is refusals.LIMIT_REACHED


def test_two_at_once_do_not_pass_the_plans_limit(cast: Cast) -> None:
    entitle_outside(cast.tenant.id, endpoints=1)
    assert refused_names([*at_once(lambda: _create(cast), lambda: _create(cast))]) == ["limit_reached"]


def test_of_two_of_one_name_at_once_one_is_made(cast: Cast) -> None:
    slug = unique("same")
    assert refused_names([*at_once(lambda: _create(cast, slug), lambda: _create(cast, slug))]) == ["conflict"]


def test_a_slug_is_used_once_in_a_tenant_and_freely_in_another(cast: Cast) -> None:
    slug = _create(cast).slug
    with pytest.raises(Refused) as refusal:
        _create(cast, slug)
    assert refusal.value.refusal is refusals.CONFLICT
    stranger = cast.acting(cast.charlie, cast.elsewhere)
    with tenant_context(cast.elsewhere.id):
        assert endpoints.endpoint_create(actor=stranger, slug=slug, name="Theirs").slug == slug


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://App.Example.com", "https://app.example.com"),
        (" https://app.example.com/ ", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(cast: Cast, given: str, kept: str) -> None:
    assert _create(cast, allowed_origins=[given, given, ""]).allowed_origins == [kept]


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "app.example.com", "ftp://a.example", "https://", "https://a b", "https://a.example/path", "https://u@a.example",
     "https://a.example?x", "https://a.example#x", "https://a.example:99999", "https://a.example:x", "https://ä.example",
     "https://a\n.example", "https://*.example.com", "javascript:alert(1)", "https://a.example\0"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(cast: Cast, origin: str) -> None:
    with pytest.raises(Refused) as refusal:
        _create(cast, allowed_origins=[f"{origin}"])
    assert list(refusal.value.data["fields"]) == ["allowed_origins"]


def test_origins_are_limited(cast: Cast) -> None:
    with pytest.raises(Refused) as refusal:
        _create(cast, allowed_origins=[f"https://a{number}.example" for number in range(51)])
    assert list(refusal.value.data["fields"]) == ["allowed_origins"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\rb"}, "name"),
        ({"slug": "No"}, "slug"),
        ({"slug": "no\n"}, "slug"),
        ({"access": "everyone"}, "access"),
        ({"instructions": "x" * 4001}, "instructions"),
        ({"instructions": "a\0b"}, "instructions"),
        ({"instructions": "\ud800"}, "instructions"),
    ],
)
def test_a_bad_field_is_named(cast: Cast, fields: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        _create(cast, **fields)
    assert list(refusal.value.data["fields"]) == [field]


def test_instructions_may_have_lines(cast: Cast) -> None:
    assert _create(cast, instructions="One.\r\n\tTwo.").instructions == "One.\r\n\tTwo."


@pytest.mark.parametrize("slug", ["", "absent", "a\0b", "\ud800", "x" * 10_000])
def test_what_names_no_endpoint_is_not_found(cast: Cast, slug: str) -> None:
    actor = cast.acting(cast.alice)
    with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
        endpoints.endpoint_delete(actor=actor, endpoint_slug=slug)
    assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_neighbours_endpoint_is_not_found(cast: Cast) -> None:
    slug = _create(cast).slug
    stranger = cast.acting(cast.charlie, cast.elsewhere)
    with pytest.raises(Refused) as refusal, tenant_context(cast.elsewhere.id):
        endpoints.endpoint_delete(actor=stranger, endpoint_slug=slug)
    assert refusal.value.refusal is refusals.NOT_FOUND


def test_a_viewer_changes_nothing(cast: Cast) -> None:
    slug = _create(cast).slug
    viewer = cast.acting(cast.join("dora", Role.VIEWER))
    for act in (
        lambda: endpoints.endpoint_create(actor=viewer, slug=unique("e"), name="E"),
        lambda: endpoints.endpoint_update(
            actor=viewer, endpoint_slug=slug, name="X", instructions="", access="open", allowed_origins=[]
        ),
        lambda: endpoints.endpoint_delete(actor=viewer, endpoint_slug=slug),
    ):
        with pytest.raises(Refused) as refusal, tenant_context(cast.tenant.id):
            act()
        assert refusal.value.refusal is refusals.PERMISSION_DENIED
