"""An OpenAPI document out of bytes: what is read, and what is refused before anything is made of it."""

import json
from typing import Any

import pytest

from mcp_runtime.sources.openapi import reading
from mcp_runtime.sources.openapi.document import Unusable, document_of
from mcp_runtime.sources.openapi.reading import UnreadableDocument, read_document

YAML = b"""
swagger: "2.0"
info: {title: &t Petstore, version: 1.0, x-again: *t}
paths:
  /pets:
    get:
      responses:
        200: {description: no}
        default: {description: ~, x-day: 2024-01-01}
x-base: &base {a: 1, b: 2}
x-more: {<<: *base, b: 3}
"""


def test_json_and_yaml_say_the_same() -> None:
    read = read_document(YAML)
    assert read["info"] == {"title": "Petstore", "version": 1.0, "x-again": "Petstore"}
    responses = read["paths"]["/pets"]["get"]["responses"]
    assert responses == {"200": {"description": "no"}, "default": {"description": None, "x-day": "2024-01-01"}}
    assert read["x-more"] == {"a": 1, "b": 3}
    assert read_document(json.dumps(read).encode()) == read
    assert read_document(b"\xef\xbb\xbf" + json.dumps(read, indent=1).encode()) == read


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is one YAML document"),
        (b"[]", "not a mapping"),
        (b"just text", "not a mapping"),
        (b"<html><body>404</body></html>", "not a mapping"),
        (b"{", "not JSON"),
        (b'{"a": 1, "a": 2}', "'a' is used twice in one object"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' is used twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": 1e999}', "finite"),
        (b'{"a": "\\ud800"}', "not Unicode"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "deeper than 100"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"a: 1\na: 2", "'a' is used twice in one mapping"),
        (b"a: *b", "stands for nothing"),
        (b"a: &a [*a]", "stands for nothing, or for what it is part of"),
        (b"a: !!python/object/apply:os.system [ls]", "tag tag:yaml.org,2002:python/object/apply:os.system is not"),
        (b"a: .nan", "not a number"),
        (b"? [a]\n: 1", "A name in a mapping is a text"),
        (b"<<: 1", "A merge key"),
        (b"a: 1\n--- \nb: 2", "one YAML document"),
        (b"a: [", "not YAML"),
        (b"a: " + b"[" * 5000, "not YAML|deeper"),
        (b"a: \x01", "not YAML"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(data: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableDocument, match=sentence):
        read_document(data)


def test_aliases_count_for_what_they_stand_for() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(UnreadableDocument, match="parts, its aliases written out"):
        read_document("\n".join(lines).encode())


@pytest.mark.parametrize(("limit", "data"), [("MAXIMUM_JSON_BYTES", b'{"a": 1}'), ("MAXIMUM_YAML_BYTES", b"a: bcdefg")])
def test_a_document_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch, limit: str, data: bytes) -> None:
    assert read_document(data)
    monkeypatch.setattr(reading, limit, 7)
    with pytest.raises(UnreadableDocument, match="larger than"):
        read_document(data)


@pytest.mark.parametrize(
    ("root", "version"),
    [
        ({"swagger": "2.0"}, "2.0"),
        ({"swagger": 2.0}, "2.0"),
        ({"openapi": "3.0.3"}, "3.0"),
        ({"openapi": "3.1.0"}, "3.1"),
        ({"openapi": "3.2.0"}, "3.2"),
        ({"openapi": 3.1}, "3.1"),
    ],
)
def test_the_version_is_told(root: dict[str, Any], version: str) -> None:
    assert document_of(root).version == version


@pytest.mark.parametrize(
    "root", [{}, {"openapi": "4.0.0"}, {"swagger": "1.2"}, {"openapi": "3"}, {"openapi": ["3.0.0"]}, {"openapi": True}]
)
def test_other_versions_are_refused(root: dict[str, Any]) -> None:
    with pytest.raises(UnreadableDocument, match="OpenAPI"):
        document_of(root)


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("https://example.com/x.json#/a", "It refers to https://example.com/x.json#/a, outside the document. Nothing"),
        ("http://169.254.169.254/latest/meta-data/", "outside the document"),
        ("file:///etc/passwd", "outside the document"),
        ("../other.yaml", "outside the document"),
        ("#anchor", "by an anchor"),
        ("#/nowhere", "which the document does not have"),
        ("#/a/~0", "which the document does not have"),
        ("#/loop", "lead in a circle"),
        ("#/a", "no mapping"),
    ],
)
def test_a_reference_leads_within_the_document_or_nowhere(reference: str, sentence: str) -> None:
    document = document_of({"openapi": "3.1.0", "a": 1, "loop": {"$ref": "#/loop"}})
    with pytest.raises(Unusable, match=sentence):
        document.followed({"$ref": reference})


def test_a_reference_follows_others_and_their_escapes() -> None:
    document = document_of({"openapi": "3.1.0", "a/b": {"$ref": "#/c%20d/~0"}, "c d": {"~": {"x": 1}}})
    assert document.followed({"$ref": "#/a~1b"}) == {"x": 1}
