"""One document through the source, as an import takes it: what became of each operation."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs

from core import outbound
from mcp_runtime import schemas
from mcp_runtime.sources.contract import InvalidConfig, ToolDraft
from mcp_runtime.sources.openapi.drafting import METHODS
from mcp_runtime.sources.openapi.reading import UnreadableDocument, read_document
from mcp_runtime.sources.openapi.source import OpenApiSource, OpenOpenApi
from mcp_runtime.sources.upstream import Discovery, Health, Line, UpstreamDraft, UpstreamFailed
from tenants.validation import json_problem

SERVER = "https://api.example.com"
# What an import stores; named here again, since the models need a platform that is set up.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SPECIFIC = re.compile(r"\S*[/:#@.]\S+|\d+|(?<=of a kind that cannot be sent: ).*|(?<=goes where none can: ).*")


@dataclass
class Outcome:
    """What became of one document. `operations` is counted beside the source, `wrong` is what must not be."""

    operations: int = 0
    tools: int = 0
    promised: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    unread: str = ""
    asked: bool = False


class NoCredentials:
    """An upstream that nothing is stored for."""

    async def secrets(self) -> dict[str, str]:
        return {}

    async def token(self, principal: str) -> str | None:
        return None

    async def rejected(self, principal: str, token: str, challenge: str) -> bool:
        return False


def imported(path: Path) -> Outcome:
    """Imports a document. What is no refusal comes through as whatever it is."""
    data = path.read_bytes()
    outcome = Outcome()
    try:
        outcome.operations = operations_in(read_document(data))
        discovery = asyncio.run(_discovered(data, outcome))
    except (UnreadableDocument, UpstreamFailed) as refused:
        outcome.unread = str(refused)
        return outcome
    outcome.tools = len(discovery.tools)
    outcome.promised = sum(tool.output_schema is not None for tool in discovery.tools)
    outcome.refused.update(_SPECIFIC.sub("…", refused.reason) for refused in discovery.refused)
    _judge(discovery, outcome)
    return outcome


def operations_in(document: dict[str, Any]) -> int:
    """How many operations there are, by the plainest way to count them."""
    paths = document.get("paths")
    items = [item for item in paths.values() if isinstance(item, dict)] if isinstance(paths, dict) else []
    return sum(method in item for item in items for method in METHODS)


async def _discovered(data: bytes, outcome: Outcome) -> Discovery:
    async with outbound.Client() as client:
        upstream = _opened(data, client, outcome)
        discovery = await upstream.discover(_unheard)
        for tool in discovery.tools:
            try:
                upstream.tool(tool.config)
            except InvalidConfig as error:
                outcome.wrong.append(f"{tool.name} cannot be served: {error}")
        return discovery


def _opened(data: bytes, client: outbound.Client, outcome: Outcome) -> OpenOpenApi:
    source = OpenApiSource()
    try:
        checked = source.check(UpstreamDraft(material=data))
    except InvalidConfig as asked:
        # The document does not say where its API is: whoever imports it is asked, and says so.
        if "config.server" not in asked.fields:
            raise UpstreamFailed(str(asked), Health.DOWN) from None
        outcome.asked = True
        checked = source.check(UpstreamDraft(config={"server": SERVER}, material=data))

    async def material() -> bytes:
        return data

    return source.open(checked.config, Line("tenant", "upstream", client, NoCredentials(), material))


async def _unheard(_done: int, _of: int, _words: str) -> None:
    return


def _judge(discovery: Discovery, outcome: Outcome) -> None:
    """Notes what an import could not take, and operations of which nothing is heard."""
    names = [tool.name for tool in discovery.tools] + [refused.name for refused in discovery.refused]
    if len(names) < outcome.operations:
        outcome.wrong.append(f"{outcome.operations - len(names)} operations are neither tools nor refused")
    if len(set(names)) != len(names):
        outcome.wrong.append("A name is there twice")
    outcome.wrong += [
        f"{refused.name} is refused without a reason" for refused in discovery.refused if not refused.reason
    ]
    for tool in discovery.tools:
        outcome.wrong += [f"{tool.name}: {problem}" for problem in problems_of(tool)]


def problems_of(tool: ToolDraft) -> list[str]:
    """Why a tool could not be stored or served."""
    problems = [problem for value in (tool.input_schema, tool.output_schema, tool.config, tool.description)
                if (problem := json_problem(value))]  # fmt: skip
    problems += [] if _NAME.fullmatch(tool.name) else ["its name is none"]
    for schema in filter(None, (tool.input_schema, tool.output_schema)):
        try:
            jsonschema_rs.meta.validate(schema | {"$schema": schemas.DIALECT})
            schemas.require_object_schema(schema)
        except (jsonschema_rs.ValidationError, schemas.InvalidSchema) as invalid:
            problems.append(str(invalid).partition("\n")[0])
    return problems
