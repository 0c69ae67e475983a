"""The OpenAPI document is valid and whole, and its page runs no script that our policy would stop."""

import re
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.test import Client
from openapi_spec_validator import validate

from console.api.application import api

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document, as served to anyone."""
    served = Client().get("/api/v1/openapi.json")
    assert served.status_code == 200
    made: dict[str, Any] = served.json()
    return made


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]


def test_asking_again_makes_no_other_document(document: dict[str, Any]) -> None:
    assert Client().get("/api/v1/openapi.json").json() == document
    assert api.get_openapi_schema() is api.get_openapi_schema()


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_every_operation_says_what_it_does_and_how_it_refuses(document: dict[str, Any]) -> None:
    for path, _method, operation in _operations(document):
        assert operation["summary"]
        assert operation["tags"]
        refusals = {int(status) for status in operation["responses"] if int(status) >= 400}
        if not path.startswith("/api/v1/problems"):
            assert operation["security"] == [{"ApiKeyBearer": []}]
            assert refusals >= {401, 403, 500, 503}
        if "requestBody" in operation:
            assert refusals >= {400, 413, 415, 422}
        if "{" in path:
            assert 404 in refusals
        for status in refusals:
            (media,) = operation["responses"][str(status)]["content"].items()
            assert media == ("application/problem+json", {"schema": {"$ref": "#/components/schemas/Problem"}})


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in _operations(document)]
    assert len(set(names)) == len(names) > 30


def test_every_body_refuses_unknown_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for _, _, operation in _operations(document):
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            if media == "application/octet-stream":
                continue
            assert schemas[content["schema"]["$ref"].rpartition("/")[2]]["additionalProperties"] is False


def test_no_path_names_a_tenant(document: dict[str, Any]) -> None:
    assert not [path for path in document["paths"] if "{tenant" in path]


def test_the_page_of_the_documentation_keeps_the_policy() -> None:
    page = Client().get("/api/v1/docs")
    policy, html = page["Content-Security-Policy"], page.content.decode()
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 3
    for attributes, content in scripts:
        assert 'type="application/json"' in attributes or (not content.strip() and 'src="/static/' in attributes)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|https?://", html)
    for name in re.findall(r'(?:src|href)="/static/([^"]+)"', html):
        assert staticfiles_storage.exists(name)
