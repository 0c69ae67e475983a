"""A GraphQL service of somebody else's: graphql-core executing a schema, behind a real HTTP server."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import graphql
from aiohttp import web

from tests.core.outbound.upstreams import LOOPBACK, upstream

SDL = """
"The books and who wrote them"
type Query {
  "One book"
  book(id: ID!): Book
  books(first: Int = 10, filter: Filter, genre: Genre): [Book!]!
  search(text: String!): [Hit!]!
  echo(value: JSON, many: [Int!], limit: Int): JSON
  count: Int!
  me: Person
  fails: String
  must: String!
  secret: String
  library: Library!
}
type Library { catalogue: Catalogue! }
type Catalogue { shelf: Shelf! }
type Shelf { book: Book! }
type Mutation { rename(id: ID!, title: String!): Book! }
type Subscription { sold: Book! }
scalar JSON
enum Genre { NOVEL POEM }
union Hit = Book | Person
interface Named { name: String! }
type Book implements Named { id: ID! name: String! genre: Genre pages: Int author: Person! old: String @deprecated }
type Person implements Named { name: String! books(first: Int): [Book!]! }
input Filter { title: String, anyOf: [Filter!], pages: Range }
input Range { from: Int!, to: Int = 1000 }
"""

BOOKS: dict[str, dict[str, Any]] = {
    "1": {"id": "1", "name": "Emma", "genre": "NOVEL", "pages": 474, "old": "x"},
    "2": {"id": "2", "name": "Odes", "genre": "POEM", "pages": None, "old": "x"},
}
AUTHOR: dict[str, Any] = {"name": "Jane", "books": lambda _info, **_arguments: list(BOOKS.values())}


def failing(_info: Any, **_arguments: Any) -> str:
    raise graphql.GraphQLError("The press is \x1b[31mbroken")


def forbidden(_info: Any, **_arguments: Any) -> str:
    raise graphql.GraphQLError("Not for you", extensions={"code": "FORBIDDEN"})


def renamed(_info: Any, id: str, title: str) -> dict[str, Any]:  # noqa: A002  # the schema's name for it
    return BOOKS[id] | {"name": title}


ROOT: dict[str, Any] = {
    "book": lambda _info, id: BOOKS.get(id),  # noqa: A006  # the schema's name for it
    "books": lambda _info, first=10, **_arguments: list(BOOKS.values())[:first],
    "search": lambda _info, **_arguments: [
        {"__typename": "Book", **BOOKS["1"]},
        {"__typename": "Person", **AUTHOR},
    ],
    "echo": lambda _info, **arguments: arguments,
    "count": 2,
    "me": AUTHOR,
    "fails": failing,
    "must": failing,
    "secret": forbidden,
    "rename": renamed,
    "library": {"catalogue": {"shelf": {"book": BOOKS["1"]}}},
}
for _book in BOOKS.values():
    _book["author"] = AUTHOR


@dataclass
class Library:
    """What arrived, and whom it lets in: `token` is the bearer token it wants, `introspects` whether it tells."""

    url: str = ""
    token: str = ""
    introspects: bool = True
    requests: list[web.Request] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    schema: graphql.GraphQLSchema = field(default_factory=lambda: graphql.build_schema(SDL))

    async def answer(self, request: web.Request) -> web.Response:
        """Executes what was asked, and answers as GraphQL over HTTP says."""
        self.requests.append(request)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({}, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        question = await request.json()
        self.documents.append(question)
        if "__schema" in question["query"] and not self.introspects:
            errors = [{"message": "GraphQL introspection is not allowed"}]
            return web.json_response({"errors": errors}, status=400)
        return self._executed(question)

    def _executed(self, question: dict[str, Any]) -> web.Response:
        variables = question.get("variables")
        result = graphql.graphql_sync(self.schema, question["query"], ROOT, variable_values=variables)
        text = json.dumps(result.formatted)
        return web.Response(text=text, content_type="application/graphql-response+json")


@asynccontextmanager
async def serving(library: Library) -> AsyncIterator[str]:
    """The service's address."""
    async with upstream(library.answer) as port:
        library.url = f"http://{LOOPBACK}:{port}/graphql"
        yield library.url
