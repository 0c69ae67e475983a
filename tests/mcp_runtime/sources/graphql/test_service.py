"""A real GraphQL service: its operations as tools, its errors, and its logins."""

import json
from collections.abc import AsyncIterator
from typing import Any

import graphql
import pytest

from mcp_runtime import schemas
from mcp_runtime.sources.contract import InvalidConfig
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tests.mcp_runtime.sources.calling import text_of
from tests.mcp_runtime.sources.graphql.library import SDL, Library, serving
from tests.mcp_runtime.sources.upstreams import HeldCredentials, call, discover, opened


@pytest.fixture
async def library(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Library]:
    """The service, which the operator allows."""
    made = Library()
    async with serving(made) as url:
        monkeypatch.setenv("OUTBOUND_ALLOW", url.removeprefix("http://").removesuffix("/graphql"))
        yield made


def config(library: Library, *documents: str, **settings: Any) -> dict[str, Any]:
    operations = [{"name": f"op{number}", "document": text} for number, text in enumerate(documents)]
    return {"url": library.url, "operations": operations} | settings


async def answer(library: Library, document: str, given: dict[str, Any] | None = None, **settings: Any) -> Any:
    async with opened("graphql", config(library, document, **settings)) as upstream:
        return await call(upstream, "op0", given)


async def reason(library: Library, document: str, **settings: Any) -> str:
    """Why discovery refuses a document, which is then no tool."""
    async with opened("graphql", config(library, document, **settings)) as upstream:
        found = await discover(upstream)
    assert found.tools == []
    (refused,) = found.refused
    return refused.reason


async def test_an_operation_is_a_tool_with_the_variables_as_arguments(library: Library) -> None:
    document = """query($genre: Genre, $filter: Filter, $first: Int = 5) {
      books(first: $first, filter: $filter, genre: $genre) { ...plain author { name } }
    }
    fragment plain on Book { id title: name genre pages }"""
    async with opened("graphql", config(library, document)) as upstream:
        await upstream.probe()
        found = await discover(upstream)
        (tool,) = found.tools
        assert found.speaks.startswith("GraphQL (introspection, ")
        assert tool.annotations["readOnlyHint"] is True
        assert tool.input_schema["properties"]["genre"] == {"type": ["string", "null"], "enum": ["NOVEL", "POEM", None]}
        assert tool.input_schema["properties"]["first"]["maximum"] == 100
        assert tool.input_schema["properties"]["first"]["default"] == 5
        assert set(tool.input_schema["$defs"]) == {"Filter", "Range"}
        assert tool.input_schema["$defs"]["Range"]["required"] == ["from"]
        given = {"genre": "NOVEL", "filter": {"anyOf": [{"title": "x"}], "pages": {"from": 1}}, "first": 2}
        result = await call(upstream, "op0", given)
        assert [book["title"] for book in result.structured["books"]] == ["Emma", "Odes"]
        assert library.documents[-1]["variables"] == given
        validator = schemas.compile_schema(tool.input_schema)
        for wrong in ({"genre": "DRAMA"}, {"first": 101}, {"filter": {"anyOf": [{"other": 1}]}}, {"more": 1}):
            assert not validator.is_valid(wrong)


async def test_what_is_selected_is_described_whatever_type_comes(library: Library) -> None:
    document = """query($all: Boolean!) { search(text: "x") { __typename ... on Book { id pages @skip(if: $all) }
      ... on Person { name other: books { id } } ... on Named { name } } }"""
    async with opened("graphql", config(library, document)) as upstream:
        (tool,) = (await discover(upstream)).tools
        assert tool.output_schema is not None
        hit = tool.output_schema["properties"]["search"]["items"]
        assert hit["required"] == ["__typename"]
        assert set(hit["properties"]) == {"__typename", "id", "pages", "name", "other"}
        book, person = (await call(upstream, "op0", {"all": True})).structured["search"]
    assert book == {"__typename": "Book", "id": "1", "name": "Emma"}
    assert person["other"] == [{"id": "1"}, {"id": "2"}]


async def test_scalars_of_its_own_are_passed_on(library: Library) -> None:
    document = "query($value: JSON, $many: [Int!]) { echo(value: $value, many: $many) }"
    given = {"value": {"deep": [1, None, "x"]}, "many": [1, 2]}
    assert (await answer(library, document, given)).structured == {"echo": given}


async def test_a_mutation_is_a_tool_that_does_not_only_read(library: Library) -> None:
    document = "mutation($id: ID!, $title: String!) { rename(id: $id, title: $title) { name } }"
    async with opened("graphql", config(library, document)) as upstream:
        (tool,) = (await discover(upstream)).tools
        assert tool.annotations["readOnlyHint"] is False
        assert (await call(upstream, "op0", {"id": "1", "title": "E"})).structured == {"rename": {"name": "E"}}


async def test_errors_are_told_with_what_was_answered_besides(library: Library) -> None:
    partial = await answer(library, "{ count fails }")
    assert partial.is_error
    assert text_of(partial) == (
        "The service answered with errors: The press is  [31mbroken (at fails)\n"
        'What it answered besides: {"count":2,"fails":null}'
    )
    whole = await answer(library, "{ must }")
    assert text_of(whole) == "The service answered with errors: The press is  [31mbroken (at must)"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{ books { nothing } }", "Cannot query field 'nothing'"),
        ("{ books }", "must have a selection"),
        ("query($x: Absent) { echo(value: $x) }", "Unknown type 'Absent'"),
        ("query($x: String) { count }", "never used"),
        ("{ echo(value: $x) }", "not defined"),
    ],
)
async def test_what_the_schema_does_not_allow_is_refused(library: Library, document: str, says: str) -> None:
    assert says in await reason(library, document)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("subscription { sold { id } }", "a tool answers once"),
        ("query a { count } query b { count }", "one operation"),
        ("fragment f on Book { id }", "one operation"),
        ("{ count } type X { y: Int }", "one operation"),
        ("{ count", "no GraphQL"),
        ("{ __schema { types { name } } }", "does not ask for the schema"),
        ('{ ...f } fragment f on Query { __type(name: "Book") { name } }', "does not ask for the schema"),
        ("{ me { books @stream { id } } }", "@defer and @stream"),
        ("{ " + " ".join(f"a{number}: count" for number in range(21)) + " }", "21 aliases; 20 are allowed"),
        ("{ me " + "{ books { author " * 9 + "{ name }" + "} }" * 9 + " }", "levels deep; 10 are allowed"),
        ("{ ...f } fragment f on Query { ...f }", "within itself"),
        ("{ ...f }", "no fragment f"),
        ("{ " + " ".join(["count"] * 501) + " }", "more than 500 fields"),
        ("{ " + "{ a " * 4000, "no GraphQL"),
        ("{ a" + "{ a" * 1500 + "}" * 1501, "nested too deeply"),
    ],
)  # fmt: skip
async def test_a_document_beyond_its_limits_is_refused_where_it_is_written(
    library: Library, document: str, says: str
) -> None:
    with pytest.raises(InvalidConfig, match=says) as refused:
        async with opened("graphql", config(library, document)):
            pass
    assert list(refused.value.fields) == ["config.operations[0].document"]
    assert library.requests == []


async def test_aliases_within_fragments_count_wherever_they_are_spread(library: Library) -> None:
    fragments = "fragment f0 on Query { a: count } " + " ".join(
        f"fragment f{number} on Query {{ ...f{number - 1} ...f{number - 1} }}" for number in range(1, 60)
    )
    with pytest.raises(InvalidConfig, match="aliases; 20 are allowed"):
        async with opened("graphql", config(library, f"{{ ...f59 }} {fragments}")):
            pass


async def test_what_lists_within_lists_cost_is_refused(library: Library) -> None:
    nested = "{ books(first: 100) { author { books(first: 100) { author { books(first: 100) { id } } } } } }"
    assert await reason(library, nested) == "The document may cost 1020201 fields; 10000 are allowed."
    by_variable = "query($first: Int) { books(first: $first) { author { books(first: $first) { id pages } } } }"
    assert "may cost 20201 fields" in await reason(library, by_variable)
    result = await answer(library, by_variable, {"first": 1}, limits={"cost": 30_000})
    assert len(result.structured["books"]) == 1


async def test_simple_queries_are_proposed_where_none_are_written(library: Library) -> None:
    async with opened("graphql", config(library)) as upstream:
        found = await discover(upstream)
        tools = {tool.name: tool for tool in found.tools}
        assert set(tools) == {"book", "books", "echo", "count", "me", "fails", "must", "secret"}
        assert tools["book"].config["document"] == "query($id: ID!) { book(id: $id) { id name genre pages } }"
        assert tools["book"].description == "One book"
        reasons = {refused.name: refused.reason for refused in found.refused}
        assert set(reasons) == {"search", "library", "rename", "sold"}
        assert "mutation" in reasons["rename"]
        assert (await call(upstream, "book", {"id": "2"})).structured["book"]["name"] == "Odes"


@pytest.mark.parametrize("form", ["sdl", "json"])
async def test_an_uploaded_schema_stands_in_for_introspection(library: Library, form: str) -> None:
    library.introspects = False
    introspected = graphql.introspection_from_schema(graphql.build_schema(SDL))
    material = SDL.encode() if form == "sdl" else json.dumps({"data": introspected}).encode()
    async with opened("graphql", config(library, "{ count }"), material=material) as upstream:
        assert (await discover(upstream)).speaks.startswith("GraphQL (uploaded schema, ")
        assert (await call(upstream, "op0")).structured == {"count": 2}


async def test_introspection_that_is_off_is_said(library: Library) -> None:
    library.introspects = False
    async with opened("graphql", config(library, "{ count }")) as upstream:
        with pytest.raises(UpstreamFailed, match="introspection is off"):
            await discover(upstream)
        await upstream.probe()


async def test_secrets_go_as_headers_and_come_back_in_no_message(library: Library) -> None:
    held = HeldCredentials({"X-Api-Key": "0123456789-secret"})
    async with opened(
        "graphql", config(library, "{ count }", headers={"X-Plain": "yes"}), credentials=held
    ) as upstream:
        assert not (await call(upstream, "op0")).is_error
    assert library.requests[-1].headers["X-Api-Key"] == "0123456789-secret"
    assert library.requests[-1].headers["X-Plain"] == "yes"


async def test_a_rejected_token_is_renewed_once(library: Library) -> None:
    library.token = "second"
    held = HeldCredentials(bearer="first", renewed="second")
    async with opened("graphql", config(library, "{ count }"), credentials=held) as upstream:
        assert (await call(upstream, "op0")).structured == {"count": 2}
        library.token = "third"
        with pytest.raises(UpstreamFailed) as failed:
            await upstream.probe()
    assert failed.value.health is Health.NEEDS_LOGIN
    assert held.rejections == [
        ("first", 'Bearer error="invalid_token"'),
        ("second", 'Bearer error="invalid_token"'),
    ]


async def test_no_credentials_where_some_are_wanted_need_a_login(library: Library) -> None:
    library.token = "wanted"
    async with opened("graphql", config(library, "{ count }")) as upstream:
        for ask in (upstream.probe, lambda: discover(upstream)):
            with pytest.raises(UpstreamFailed) as failed:
                await ask()
            assert failed.value.health is Health.NEEDS_LOGIN


async def test_a_field_that_is_forbidden_is_an_error_of_the_call(library: Library) -> None:
    result = await answer(library, "{ secret }")
    assert text_of(result).startswith("The service answered with errors: Not for you (at secret)")


async def test_no_time_left_is_said_without_asking(library: Library) -> None:
    async with opened("graphql", config(library, "{ count }")) as upstream:
        result = await call(upstream, "op0", seconds=-1)
    assert text_of(result) == "No time is left to ask the service."
