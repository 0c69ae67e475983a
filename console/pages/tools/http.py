"""The editor of tools that call an HTTP service."""

import json
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from console.forms import JsonField, parse_json
from console.pages.tools.forms import ToolForm
from console.pages.tools.pairs import PairsField
from mcp_runtime.models import TaskSupport, Tool
from mcp_runtime.sources.contract import ToolDraft
from mcp_runtime.sources.http.config import DEFAULT_BYTES, DEFAULT_SECONDS, MAXIMUM_BYTES

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
BODIES = {"": "None", "json": "JSON", "form": "Form fields"}
KIB = 1024
EFFECTS: dict[str, dict[str, bool]] = {
    "reads": {"readOnlyHint": True},
    "changes": {"readOnlyHint": False, "destructiveHint": False},
    "destroys": {"readOnlyHint": False, "destructiveHint": True},
}
EFFECT_NAMES = {
    "": "Say nothing",
    "reads": "It only reads",
    "changes": "It adds or changes something",
    "destroys": "It may overwrite or delete something",
}
FIRST_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city"}},
    "required": ["city"],
    "additionalProperties": False,
}


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "spellcheck": "false"})


class HttpToolForm(ToolForm):
    """One request: its address, what is sent, and what of the answer becomes the result."""

    lead = "One request to a service of yours or of others, with the model's arguments filled in."
    service_fields: ClassVar[dict[str, str]] = {
        "config.method": "method",
        "config.url": "url",
        "config.query": "query",
        "config.headers": "headers",
        "config.body": "body",
        "config.result.pointer": "pointer",
        "config.result.success": "success",
        "config.timeout": "timeout",
        "config.size_limit": "size_limit",
        "secrets": "secret_value",
        "annotations": "effect",
    }
    groups: ClassVar[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
        ("Tool", "What the model and people see of it.", ("name", "title", "description", "effect")),
        ("Arguments", "What the model fills in, as JSON Schema.", ("input_schema",)),
        (
            "Request",
            "{city} stands for the argument city; what names an argument that is left out, is left out.",
            ("method", "url", "query", "headers", "body_kind", "body"),
        ),
        (
            "Secret header",
            "Stored encrypted, sent to this address alone, never shown again.",
            ("secret_name", "secret_value", "removed_secrets"),
        ),
        ("Answer", "What of it becomes the result.", ("pointer", "structured", "output_schema", "success")),
        ("Limits", "", ("timeout", "size_limit", "calls_per_minute", "task")),
    )
    mono: ClassVar[frozenset[str]] = frozenset(
        {"name", "input_schema", "url", "query", "headers", "body", "pointer", "output_schema", "success"}
    )

    effect = forms.ChoiceField(
        label="What it does to the world", choices=EFFECT_NAMES, required=False, help_text="Clients ask people by this."
    )
    input_schema = JsonField(label="JSON Schema", kind=dict, widget=_area(10), initial=FIRST_SCHEMA)
    method = forms.ChoiceField(choices=[(method, method) for method in METHODS])
    url = forms.CharField(
        label="URL",
        max_length=4096,
        help_text="Such as https://api.example.com/v1/cities/{city}. Public addresses only.",
    )
    query = PairsField(separator="=", widget=_area(3), help_text="A parameter a line: units=metric")
    headers = PairsField(separator=":", widget=_area(3), help_text="A header a line: Accept-Language: en")
    body_kind = forms.ChoiceField(label="Body", choices=BODIES, required=False)
    body = forms.CharField(
        label="Body template",
        required=False,
        max_length=100_000,
        widget=_area(5),
        help_text='JSON, in which "{city}" becomes the argument whatever its type; or a form field a line: city={city}',
    )
    pointer = forms.CharField(
        label="Part of the answer",
        required=False,
        max_length=1024,
        help_text="A JSON Pointer such as /data/0/temperature. Left empty, it is the whole answer.",
    )
    structured = forms.BooleanField(
        label="Return it as structured content", required=False, help_text="The answer has to be JSON then."
    )
    output_schema = JsonField(
        label="JSON Schema of the result",
        kind=dict,
        required=False,
        widget=_area(4),
        help_text="Only of structured content.",
    )
    success = forms.CharField(
        label="Statuses that are not failures",
        required=False,
        max_length=500,
        help_text="Such as 200, 404. Left empty: 200 to 299.",
    )
    timeout = forms.FloatField(label="Time-out in seconds", min_value=0.1, max_value=60, initial=DEFAULT_SECONDS)
    size_limit = forms.IntegerField(
        label="Largest answer in KiB", min_value=1, max_value=MAXIMUM_BYTES // KIB, initial=DEFAULT_BYTES // KIB
    )
    task = forms.ChoiceField(
        label="Run as a task",
        choices=TaskSupport.choices,
        required=False,
        help_text="A task outlives its request: the client asks later how it went. A tool that only reads is run again"
        " when its task is cut short.",
    )
    secret_name = forms.CharField(
        label="Header",
        required=False,
        max_length=128,
        help_text="Such as Authorization. One that is stored already is replaced.",
    )
    secret_value = forms.CharField(
        label="Value",
        required=False,
        max_length=8192,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Such as Bearer and a token. After a change of the address it has to be entered again.",
    )
    removed_secrets = forms.MultipleChoiceField(label="Remove", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.initial.get("stored_secrets", [])
        removed = self.fields["removed_secrets"]
        if not stored:
            del self.fields["removed_secrets"]
        elif isinstance(removed, forms.MultipleChoiceField):
            removed.choices = [(name, f"Remove {name}, which is stored") for name in stored]

    def clean_success(self) -> list[int]:
        words: list[str] = self.cleaned_data["success"].replace(",", " ").split()
        if not all(word.isascii() and word.isdigit() and len(word) == 3 for word in words):
            raise ValidationError("Write statuses of three digits, with commas between them.")
        return [int(word) for word in words]

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        if bool(typed.get("secret_name")) != bool(typed.get("secret_value")) and "secret_name" not in self.errors:
            self.add_error("secret_value", "A secret header has a name and a value.")
        if "body" in typed:
            try:
                typed["body"] = _body(typed.get("body_kind", ""), typed["body"])
            except ValidationError as error:
                self.add_error("body", error)
        return typed

    def draft(self) -> ToolDraft:
        typed = self.cleaned_data
        return ToolDraft(
            name=typed["name"],
            title=typed["title"],
            description=typed["description"],
            input_schema=typed["input_schema"],
            output_schema=typed["output_schema"],
            annotations=EFFECTS.get(typed["effect"], {}),
            **self.kept(),
            config=_config(typed),
            calls_per_minute=typed["calls_per_minute"],
            task=typed["task"] or TaskSupport.FORBIDDEN,
            secrets=_secrets(typed),
        )

    @classmethod
    def values_of(cls, tool: Tool) -> dict[str, Any]:
        config = tool.config
        result = config.get("result", {})
        return super().values_of(tool) | {
            "effect": next((name for name, hints in EFFECTS.items() if hints == tool.annotations), ""),
            "input_schema": tool.input_schema,
            "output_schema": tool.output_schema,
            "method": config.get("method", "GET"),
            "url": config.get("url", ""),
            "query": config.get("query", {}),
            "headers": config.get("headers", {}),
            **_body_values(config.get("body")),
            "pointer": result.get("pointer", ""),
            "structured": result.get("structured", False),
            "success": ", ".join(str(status) for status in result.get("success", [])),
            "timeout": config.get("timeout", DEFAULT_SECONDS),
            "size_limit": max(1, config.get("size_limit", DEFAULT_BYTES) // KIB),
            "stored_secrets": sorted(tool.secrets),
        }


def _config(typed: dict[str, Any]) -> dict[str, Any]:
    result = {"structured": typed["structured"], "success": typed["success"]}
    return {
        "method": typed["method"],
        "url": typed["url"],
        "query": typed["query"],
        "headers": typed["headers"],
        "result": result | ({"pointer": typed["pointer"]} if typed["pointer"] else {}),
        "timeout": typed["timeout"],
        "size_limit": typed["size_limit"] * KIB,
    } | ({"body": typed["body"]} if typed["body"] else {})


def _secrets(typed: dict[str, Any]) -> dict[str, str]:
    """What is left out of a draft stays stored; an empty value takes a header away."""
    removed = dict.fromkeys(typed.get("removed_secrets", []), "")
    given = {typed["secret_name"]: typed["secret_value"]} if typed["secret_name"] else {}
    return removed | given


def _body(kind: str, text: str) -> dict[str, Any] | None:
    if kind == "json":
        return {"kind": "json", "template": parse_json(text)}
    if kind == "form":
        return {"kind": "form", "fields": PairsField(separator="=").clean(text)}
    if text.strip():
        raise ValidationError("Choose what kind of body this is, or leave it empty.")
    return None


def _body_values(body: dict[str, Any] | None) -> dict[str, Any]:
    if not body:
        return {"body_kind": "", "body": ""}
    if body["kind"] == "form":
        return {"body_kind": "form", "body": PairsField(separator="=").prepare_value(body["fields"])}
    return {"body_kind": "json", "body": json.dumps(body["template"], indent=2, ensure_ascii=False)}
