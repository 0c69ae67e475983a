"""Every element renders, takes only the arguments it declares, and templates use only classes that exist."""

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import engines
from django_cotton.compiler_regex import CottonCompiler

from console.templatetags.console import duration, initials, moment, money, size

CONSOLE = Path(__file__).resolve().parents[2] / "console"
ELEMENTS = CONSOLE / "templates" / "elements"
TEMPLATES = sorted(
    path for app in ("console", "tenants") for path in (CONSOLE.parent / app / "templates").rglob("*.html")
)
TAG = re.compile(r"<c-([a-z-]+)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")


class Person(forms.Form):
    """A form with one field of each kind."""

    name = forms.CharField(help_text="As others see it.")
    role = forms.ChoiceField(choices=[("a", "Admin"), ("b", "Bot")])
    agrees = forms.BooleanField(required=False)
    token = forms.CharField(widget=forms.HiddenInput)


@cache
def _declared(element: str) -> tuple[set[str], bool]:
    source = (ELEMENTS / f"{element.replace('-', '_')}.html").read_text()
    names = re.search(r"<c-vars\s(.*?)/>", source, re.DOTALL)
    keys = re.findall(r":?([a-z_]+)=", names.group(1)) if names else []
    return set(keys), "{{ attrs }}" in source


def _without_expressions(source: str) -> str:
    source = re.sub(r"{% comment %}.*?{% endcomment %}|{#.*?#}", "", source, flags=re.DOTALL)
    return re.sub(r"{{.*?}}|{%.*?%}", "…", source, flags=re.DOTALL)


def render(source: str, **context: object) -> str:
    """What a template shows; compiled as a template file is."""
    return str(engines["django"].from_string(CottonCompiler().process(source)).render(context))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(CONSOLE.parent)))
def test_every_element_in_a_template_gets_only_arguments_that_it_declares(path: Path) -> None:
    for element, attributes in TAG.findall(_without_expressions(path.read_text())):
        if element in {"vars", "slot"}:
            continue
        declared, passes_on = _declared(element)
        for colon, name in re.findall(
            r"(?:^|\s)(:?)([a-z@][\w:.@-]*)(?==|\s|/|$)", re.sub(r"\"[^\"]*\"|'[^']*'", "", attributes)
        ):
            # A value that reaches {{ attrs }} by ":name" would not be escaped there.
            assert name in declared or (passes_on and not colon), f"<c-{element}> takes no {name}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(CONSOLE.parent)))
def test_every_class_in_a_template_is_in_the_stylesheet(path: Path) -> None:
    css = (CONSOLE / "static" / "console" / "console.css").read_text().replace("\\", "")
    known = set(re.findall(r"\.([a-zA-Z][\w:-]*)", css)) | {"tree-mark"}
    written = re.findall(r'\sclass="([^"]*)"', re.sub(r"{%.*?%}", " ", path.read_text(), flags=re.DOTALL))
    names = {name for text in written for name in re.sub(r"\S*{{.*?}}\S*", " ", text).split()}
    assert names <= known


def test_a_value_is_escaped_wherever_an_element_shows_it() -> None:
    hostile = "\" onfocus=x '><b>"
    shown = render(
        '<c-button href="{{ v }}" data-x="{{ v }}">{{ v }}</c-button>'
        '<c-field name="n" :label="v" :value="v" :error="v" />'
        '<c-card :title="v">x</c-card><c-code :value="v" /><c-secret :label="v" :value="v" /><c-node :title="v" />'
        '<c-confirm id="d" :title="v" :name="v" action="/x">{{ v }}</c-confirm><c-search value="{{ v }}" />',
        v=hostile,
    )
    assert "<b>" not in shown
    assert '" onfocus' not in shown


def test_a_bound_field_shows_its_label_hint_and_error() -> None:
    form = Person({"name": "", "role": "z"})
    shown = render('<c-form actions="x"><c-fields :form="form" /></c-form>', form=form)
    assert '<label class="label" for="id_name">Name</label>' in shown
    assert "As others see it." in shown
    assert "This field is required." in shown
    assert 'aria-invalid="true"' in shown
    assert '<input type="checkbox"' in shown
    assert "Select a valid choice" in shown


def test_a_plain_field_keeps_what_was_typed_and_points_at_its_error() -> None:
    shown = render('<c-field name="slug" label="Name" value="Ac me" error="No spaces." maxlength="40" />')
    assert 'value="Ac me"' in shown
    assert 'aria-describedby="slug_notes"' in shown
    assert 'maxlength="40"' in shown
    assert "No spaces." in shown


def test_a_table_without_rows_shows_its_empty_state() -> None:
    empty = '<c-slot name="empty"><c-empty title="None">What.</c-empty></c-slot>'
    source = f'<c-table :rows="rows"><tr><td>row</td></tr>{empty}</c-table>'
    assert "<h3>None</h3>" in render(source, rows=[])
    assert "<h3>None</h3>" not in render(source, rows=[1])
    assert "<td>row</td>" in render(source, rows=[1])


def test_an_element_does_not_see_the_pages_variables() -> None:
    assert "leak" not in render(
        '<c-card>x</c-card><c-field name="a" label="A" />', title="leak", value="leak", error="leak"
    )


def test_a_pager_says_which_of_how_many() -> None:
    page = Paginator(list(range(12_300)), 50).page(2)
    shown = render('<c-pager :page="page" what="calls" />', page=page)
    assert "51\u2013100 of 12,300 calls" in shown
    assert 'href="?page=1"' in shown
    assert 'href="?page=3"' in shown


def test_a_tree_draws_its_children_and_a_leaf_none() -> None:
    shown = render('<c-tree label="T"><c-node title="a" state="ok"><c-node title="b" /></c-node></c-tree>')
    assert shown.count("<ul") == 2
    assert "state-ok" in shown


@pytest.mark.parametrize("name", sorted(path.stem for path in ELEMENTS.glob("*.html")))
def test_every_element_renders_with_nothing_given(name: str) -> None:
    element = name.replace("_", "-")
    shown = render(f'<c-{element} :page="page"></c-{element}>', page=Paginator([], 10).page(1))
    assert "<c-" not in shown
    assert "{%" not in shown


def test_moments_sizes_durations_money_and_initials_read_as_the_product_writes_them() -> None:
    at = datetime(2026, 11, 2, 13, 4, tzinfo=UTC)
    assert "2 Nov 2026, 13:04 UTC" in moment(at)
    assert moment(None) == ""
    assert [size(12), size(1536), size(3 * 1024**2), size(5 * 1024**3)] == ["12 B", "1.5 KiB", "3.0 MiB", "5.0 GiB"]
    assert [duration(0.42), duration(42), duration(1500)] == ["0.4 ms", "42 ms", "1.50 s"]
    assert [money(0), money(2_999_00), money(450)] == ["$0", "$2,999", "$4.50"]
    assert [initials("Ada Byron King"), initials("ada@example.com"), initials("")] == ["AK", "A", "·"]
