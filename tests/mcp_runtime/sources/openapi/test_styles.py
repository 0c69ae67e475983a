"""Arguments written into requests: each style against the standard's own table, and what no argument can change."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outbound import destination
from mcp_runtime.sources.http.template import BadArgument
from mcp_runtime.sources.openapi.operation import Operation, Parameter, Style
from mcp_runtime.sources.openapi.requests import Request, RequestPlan
from mcp_runtime.sources.openapi.styles import header_value, path_segment, query_pairs

SERVER = "https://api.example.com/v1"
ARRAY = ["blue", "black", "brown"]
OBJECT = {"R": 100, "G": 200, "B": 150}
# OpenAPI 3.1, "Style Examples": style, explode, and what a text, a list and an object become.
PATHS: list[tuple[Style, bool, str, str, str]] = [
    ("simple", False, "blue", "blue,black,brown", "R,100,G,200,B,150"),
    ("simple", True, "blue", "blue,black,brown", "R=100,G=200,B=150"),
    ("label", False, ".blue", ".blue,black,brown", ".R,100,G,200,B,150"),
    ("label", True, ".blue", ".blue.black.brown", ".R=100.G=200.B=150"),
    ("matrix", False, ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"),
    ("matrix", True, ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"),
]
QUERIES: list[tuple[Style, bool, Any, str]] = [
    ("form", False, "blue", "color=blue"),
    ("form", False, "", "color="),
    ("form", False, ARRAY, "color=blue,black,brown"),
    ("form", False, OBJECT, "color=R,100,G,200,B,150"),
    ("form", True, ARRAY, "color=blue&color=black&color=brown"),
    ("form", True, OBJECT, "R=100&G=200&B=150"),
    ("spaceDelimited", False, ARRAY, "color=blue%20black%20brown"),
    ("spaceDelimited", False, OBJECT, "color=R%20100%20G%20200%20B%20150"),
    ("pipeDelimited", False, ARRAY, "color=blue%7Cblack%7Cbrown"),
    ("tabDelimited", False, ARRAY, "color=blue%09black%09brown"),
    ("deepObject", True, OBJECT, "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"),
    ("deepObject", True, {"a": [{"b": None}]}, "color%5Ba%5D%5B0%5D%5Bb%5D="),
    ("json", False, [None], "color=%5Bnull%5D"),
    ("form", True, [], ""),
    ("form", False, {}, ""),
    ("form", False, [["a", "b"], {"c": 1}], "color=%5B%22a%22%2C%22b%22%5D,%7B%22c%22%3A1%7D"),
    ("form", True, True, "color=true"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(["..", "../admin", "%2e%2e%2f", "?a=b", "#f", "@evil", "//evil", "a\r\nX: y", "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
STYLES_OF = {
    "path": ["simple", "label", "matrix", "json"],
    "query": ["form", "spaceDelimited", "pipeDelimited", "tabDelimited", "deepObject", "json"],
    "header": ["simple", "json"],
    "cookie": ["form", "json"],
}


@st.composite
def parameters_of(draw: st.DrawFn, place: str) -> Parameter:
    style = draw(st.sampled_from(STYLES_OF[place]))
    return Parameter(
        "x", "x", place, style, explode=draw(st.booleans()), allow_reserved=draw(st.booleans())  # type: ignore[arg-type]
    )  # fmt: skip


def plan_with(parameter: Parameter, path: str = "/a/b") -> RequestPlan:
    return RequestPlan(Operation("GET", SERVER, path, parameters=[parameter]), SERVER)


def request_for(parameter: Parameter, value: Any, path: str = "/a/b") -> Request | None:
    """The request; None where the argument is refused."""
    try:
        return plan_with(parameter, path).request({"x": value})
    except BadArgument:
        return None


@pytest.mark.parametrize(("style", "explode", "text", "array", "members"), PATHS)
def test_a_path_is_written_as_the_standard_says(
    style: Style, *, explode: bool, text: str, array: str, members: str
) -> None:
    for value, written in (("blue", text), (ARRAY, array), (OBJECT, members)):
        assert path_segment("color", value, style, explode=explode) == written


@pytest.mark.parametrize(("style", "explode", "value", "written"), QUERIES)
def test_a_query_is_written_as_the_standard_says(style: Style, *, explode: bool, value: Any, written: str) -> None:
    pairs = query_pairs("color", value, style, explode=explode)
    assert "&".join(f"{name}={text}" for name, text in pairs) == written


def test_a_header_is_written_as_the_standard_says() -> None:
    written = [header_value("X", value, "simple", explode=explode) for value, explode in
               (("blue", False), (ARRAY, False), (OBJECT, False), (OBJECT, True))]  # fmt: skip
    assert written == ["blue", "blue,black,brown", "R,100,G,200,B,150", "R=100,G=200,B=150"]


def test_reserved_characters_stand_where_they_may_and_end_nothing() -> None:
    pairs = query_pairs("q", "a/b?c=d&e#f%20+[g]:@", "form", explode=True, allow_reserved=True)
    assert pairs == [("q", "a/b?c%3Dd%26e%23f%2520%2B%5Bg%5D:@")]


@given(text=st.text(), explode=st.booleans(), style=st.sampled_from(["form", "spaceDelimited", "deepObject"]))
def test_a_text_in_a_query_comes_back_from_a_parser(text: str, *, explode: bool, style: Any) -> None:
    for allow_reserved in (False, True):
        request = request_for(Parameter("x", "x", "query", style, explode, allow_reserved=allow_reserved), text)
        if request is not None:
            assert parse_qsl(urlsplit(request.url).query, keep_blank_values=True) == [("x", text)]


@given(st.dictionaries(st.text(), JSON, max_size=3), st.data())
def test_members_in_a_query_stay_members(value: dict[str, Any], data: st.DataObject) -> None:
    parameter = data.draw(parameters_of("query"))
    request = request_for(parameter, value)
    if request is None:
        return
    url = urlsplit(request.url)
    assert (url.scheme, url.netloc, url.path, url.fragment) == ("https", "api.example.com", "/v1/a/b", "")
    assert all(name != "x" or not parameter.explode or parameter.style in ("json", "deepObject")
               for name, _text in parse_qsl(url.query, keep_blank_values=True))  # fmt: skip


@given(JSON, st.data())
def test_no_argument_changes_the_shape_of_a_path(value: Any, data: st.DataObject) -> None:
    request = request_for(data.draw(parameters_of("path")), value, "/users/{x}/posts")
    if request is None:
        return
    parsed = destination.parse(request.url)
    assert parsed.origin.authority == "api.example.com"
    segments = parsed.target.split("/")
    assert (segments[:3], segments[4:]) == (["", "v1", "users"], ["posts"])
    assert segments[3]
    assert not {"?", "#", "\\", "@"} & set(segments[3])
    for _decoding in range(3):
        assert ".." not in parsed.target.replace("\\", "/").split("/")
        parsed = destination.Destination(parsed.origin, unquote(parsed.target))


@given(JSON, st.data())
def test_no_argument_adds_a_header_or_a_cookie(value: Any, data: st.DataObject) -> None:
    for place in ("header", "cookie"):
        request = request_for(data.draw(parameters_of(place)), value)
        if request is None:
            continue
        headers = request.all_headers
        assert set(headers) <= {"Accept", "x", "Cookie"}
        assert all(text.isascii() and text.isprintable() for text in headers.values())
        assert request.url == f"{SERVER}/a/b"


@pytest.mark.parametrize(
    "value",
    ["", ".", "..", "../admin", "%2e%2e%2f",
     "%252e%252e/", "..\\x", "..;/x", "a\r\nb", "\x00", [], {}, [".."], "\ud800"],
)  # fmt: skip
def test_an_argument_that_would_lead_elsewhere_is_refused(value: Any) -> None:
    assert request_for(Parameter("x", "x", "path", "simple"), value, "/users/{x}") is None


def test_two_arguments_make_no_dots_together() -> None:
    parameters = [Parameter(name, name, "path", "simple") for name in ("x", "y")]
    plan = RequestPlan(Operation("GET", SERVER, "/{x}{y}/z", parameters=parameters), SERVER)
    with pytest.raises(BadArgument, match="x or y would lead to another path"):
        plan.request({"x": ".", "y": "."})


def test_a_member_that_is_spread_cannot_pass_for_another_parameter() -> None:
    parameters = [Parameter("x", "x", "query", "form", explode=True), Parameter("tenant", "tenant", "query", "form")]
    plan = RequestPlan(Operation("GET", SERVER, "/", parameters=parameters), SERVER)
    with pytest.raises(BadArgument, match="tenant is a parameter of its own"):
        plan.request({"x": {"tenant": "other"}})


def test_an_argument_nested_beyond_reason_is_refused() -> None:
    value: Any = "x"
    for _level in range(50):
        value = {"a": value}
    with pytest.raises(BadArgument, match="nested deeper"):
        query_pairs("x", value, "deepObject", explode=True)
    with pytest.raises(BadArgument, match="more than 10,000 values"):
        query_pairs("x", list(range(10_001)), "deepObject", explode=True)
