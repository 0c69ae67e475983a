"""An operation becomes a tool: held to the service's schema, and to the limits of its author."""

import graphql
import msgspec

from mcp_runtime import schemas
from mcp_runtime.schemas import InvalidSchema
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.sources.graphql.config import Limits, Operation
from mcp_runtime.sources.graphql.documents import Document, RefusedDocument, parse
from mcp_runtime.sources.graphql.inputs import input_schema
from mcp_runtime.sources.graphql.limits import Cost
from mcp_runtime.sources.graphql.outputs import Outputs


def tool_of(operation: Operation, schema: graphql.GraphQLSchema, limits: Limits) -> ToolDraft:
    """The tool. Raises RefusedDocument."""
    document = parse(operation.document, limits)
    _require_valid(document, schema)
    cost = Cost(document, schema)
    if (total := cost.total()) > limits.cost:
        raise RefusedDocument(f"The document may cost {total} fields; {limits.cost} are allowed.")
    arguments = input_schema(document, schema, cost.largest)
    try:
        schemas.require_object_schema(arguments)
    except InvalidSchema as error:
        raise RefusedDocument(f"Its variables cannot be described: {error}") from None
    return ToolDraft(
        name=operation.name,
        title=operation.title,
        description=operation.description,
        input_schema=arguments,
        output_schema=_output_schema(document, schema),
        annotations={"readOnlyHint": document.is_query, "openWorldHint": True},
        config=msgspec.to_builtins(operation),
    )


def _require_valid(document: Document, schema: graphql.GraphQLSchema) -> None:
    try:
        errors = graphql.validate(schema, document.tree, max_errors=3)
    except RecursionError:
        raise RefusedDocument("The document is nested too deeply.") from None
    if errors:
        raise RefusedDocument(
            f"The service's schema does not allow it: {' '.join(error.message for error in errors)}"[:1000]
        )


def _output_schema(document: Document, schema: graphql.GraphQLSchema) -> dict[str, object] | None:
    """The schema of the result, if it is one of a size that is taken: a tool does without it otherwise."""
    made = Outputs(document, schema).whole()
    try:
        schemas.require_object_schema(made)
    except InvalidSchema:
        return None
    return made
