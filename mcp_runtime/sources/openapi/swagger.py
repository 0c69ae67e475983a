"""Swagger 2.0 in the words of OpenAPI 3: parameters, bodies, answers, servers and security schemes."""

from typing import Any

from mcp_runtime.sources.openapi.document import Document, Unusable

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"

# What of a parameter that is no body is its schema (Swagger 2.0, "Parameter Object").
_SCHEMA_KEYWORDS = (
    "type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength",
    "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "enum", "multipleOf", "x-nullable", "x-example",
)  # fmt: skip
_STYLES: dict[str, dict[str, Any]] = {
    "csv": {"explode": False},
    "multi": {"style": "form", "explode": True},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "tsv": {"style": "tabDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
}


def parameter_of(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter in path, query or header."""
    kept = {name: parameter[name] for name in ("name", "in", "required", "description") if name in parameter}
    return kept | {"schema": _schema(parameter)} | _style(parameter)


def _schema(parameter: dict[str, Any]) -> dict[str, Any]:
    return {name: parameter[name] for name in _SCHEMA_KEYWORDS if name in parameter}


def _style(parameter: dict[str, Any]) -> dict[str, Any]:
    if parameter.get("type") != "array":
        return {}
    return _STYLES.get(str(parameter.get("collectionFormat", "csv")), _STYLES["csv"])


def body_of(document: Document, operation: dict[str, Any], parameters: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The request body that `body` and `formData` parameters are; None without any. Raises Unusable."""
    bodies = [parameter for parameter in parameters if parameter.get("in") == "body"]
    fields = [parameter for parameter in parameters if parameter.get("in") == "formData"]
    types = _media_types(document, operation, "consumes")
    if bodies and fields:
        raise Unusable("It has both a body and form fields, and a request has one of them.")
    if len(bodies) > 1:
        raise Unusable("It has more than one body.")
    if bodies:
        schema = bodies[0].get("schema", {})
        content = {media_type: {"schema": schema} for media_type in types or [JSON]}
        return _described(bodies[0]) | {"content": content, "required": bodies[0].get("required") is True}
    return _form(fields, types) if fields else None


def _described(parameter: dict[str, Any]) -> dict[str, Any]:
    return {"description": parameter["description"]} if "description" in parameter else {}


def _form(fields: list[dict[str, Any]], types: list[str]) -> dict[str, Any]:
    has_files = any(field.get("type") == "file" for field in fields)
    media_type = MULTIPART if has_files or (MULTIPART in types and FORM not in types) else FORM
    named = {field["name"]: field for field in fields if isinstance(field.get("name"), str)}
    required = [name for name, field in named.items() if field.get("required") is True]
    schema = {
        "type": "object",
        "properties": {name: _schema(field) | _described(field) for name, field in named.items()},
        "required": required,
    }
    encoding = {name: {"style": "form"} | _style(field) for name, field in named.items() if _style(field)}
    return {"content": {media_type: {"schema": schema, "encoding": encoding}}, "required": bool(required)}


def responses_of(document: Document, operation: dict[str, Any]) -> dict[str, Any]:
    """The answers by status; those that refer to others are left as they are."""
    types = _media_types(document, operation, "produces") or [JSON]
    responses = operation.get("responses")
    found = {}
    for status, response in (responses if isinstance(responses, dict) else {}).items():
        answer = document.followed(response) if isinstance(response, dict) else {}
        content = {media_type: {"schema": answer["schema"]} for media_type in types} if "schema" in answer else {}
        found[status] = {"content": content}
    return found


def _media_types(document: Document, operation: dict[str, Any], name: str) -> list[str]:
    given = operation.get(name, document.root.get(name))
    return [media_type for media_type in given if isinstance(media_type, str)] if isinstance(given, list) else []


def servers_of(document: Document, operation: dict[str, Any]) -> list[dict[str, Any]]:
    """The servers that schemes, host and base path name; without a host, the base path on the document's own."""
    host, base = document.root.get("host"), document.root.get("basePath")
    base = base if isinstance(base, str) else ""
    base = base if base.startswith("/") or not base else f"/{base}"
    if not isinstance(host, str) or not host:
        return [{"url": base or "/"}]
    given = operation.get("schemes", document.root.get("schemes"))
    schemes = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    web = [name for name in ("https", "http") if name in schemes] or schemes or ["https"]
    return [{"url": f"{scheme}://{host}{base}"} for scheme in web]


def security_schemes_of(document: Document) -> dict[str, Any]:
    """The security schemes by name."""
    found = {}
    for name, scheme in document.section("securityDefinitions").items():
        is_basic = isinstance(scheme, dict) and scheme.get("type") == "basic"
        found[name] = {"type": "http", "scheme": "basic"} if is_basic else scheme
    return found
