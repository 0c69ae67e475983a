"""The form in which somebody changes what clients see of a definition."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from console.forms import INVALID_STATUS, JsonField, ServiceForm, parse_json
from console.pages.content.rows import RowForm, Rows
from console.pages.sources.editors.base import area
from core.refusals import Refused
from mcp_runtime.curation.shape import MAXIMUM_RESULT_BYTES, MAXIMUM_SECONDS
from mcp_runtime.models import Definition, Form, TaskSupport
from mcp_runtime.services.rates import MAXIMUM_CALLS_PER_MINUTE
from mcp_runtime.upstream_selectors import shown_of

KIB = 1024
SEEN = {"shown": "Clients fill it in", "fixed": "Always this value", "hidden": "Left out"}
PLACE = "curation.arguments."
GUARDS = ("instructions", "secrets", "personal_data")
OFF = "off"
MARKING = {OFF: "Pass them on", "mark": "Mark the result", "refuse": "Refuse the result"}
REDACTING = {OFF: "Pass them on", "redact": "Redact them", "refuse": "Refuse the result"}


class ArgumentRow(RowForm):
    """What becomes of one argument."""

    name = forms.CharField(max_length=1_000, widget=forms.HiddenInput)
    seen = forms.ChoiceField(label="Who fills it in", choices=SEEN, required=False)
    value = forms.CharField(
        required=False, max_length=20_000, help_text="As JSON; a text as it is, where it takes one."
    )
    described = forms.CharField(
        label="Description", required=False, max_length=4_000, help_text="Left empty, it is the source's own."
    )

    @property
    def is_blank(self) -> bool:
        return not self.curated()

    def curated(self) -> dict[str, Any]:
        """What is stored of it; empty where it stays as the source has it."""
        typed = self.cleaned_data
        described = {"description": typed["described"]} if typed["described"] else {}
        match typed["seen"]:
            case "fixed":
                return described | {"fixed": typed["value"]}
            case "hidden":
                return described | {"hidden": True}
        return described


class CurationForm(ServiceForm):
    """All that can be changed; an empty field leaves what the source says."""

    service_fields: ClassVar[dict[str, str]] = {
        **{f"curation.{name}": name for name in ("name", "title", "description", "project", "timeout", "examples")},
        "curation.maximum_bytes": "maximum_kib",
        "curation.annotations": "annotations",
        "curation.task": "task",
        "curation.calls_per_minute": "calls_per_minute",
        "calls_per_minute": "calls_per_minute",
        **{f"curation.guard.{name}": f"guard_{name}" for name in GUARDS},
    }

    name = forms.CharField(max_length=64, required=False, help_text="The whole name, without the prefix.")
    title = forms.CharField(max_length=80, required=False)
    description = forms.CharField(
        max_length=4_000, required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    project = forms.CharField(
        label="Parts of the result",
        required=False,
        max_length=20_000,
        widget=area(3),
        help_text="JSON Pointers, one a line, such as /owner/email: nothing else of a structured result is passed on."
        " Left empty, all of it is.",
    )
    maximum_kib = forms.IntegerField(
        label="Largest result in KiB", required=False, min_value=1, max_value=MAXIMUM_RESULT_BYTES // KIB
    )
    timeout = forms.FloatField(label="Time-out in seconds", required=False, min_value=0.1, max_value=MAXIMUM_SECONDS)
    calls_per_minute = forms.IntegerField(
        label="Calls a minute",
        required=False,
        min_value=1,
        max_value=MAXIMUM_CALLS_PER_MINUTE,
        help_text="By all clients together.",
    )
    task = forms.ChoiceField(label="Run as a task", choices=TaskSupport.choices, required=False)
    guard_instructions = forms.ChoiceField(
        label="Words that speak to a model",
        required=False,
        choices=MARKING,
        help_text="Also inside base64 and between invisible characters; not when spread over several results.",
    )
    guard_secrets = forms.ChoiceField(label="Keys and passwords", required=False, choices=REDACTING)
    guard_personal_data = forms.ChoiceField(
        label="Personal data",
        required=False,
        choices=REDACTING,
        help_text="Mail addresses, telephone, card, account and social security numbers.",
    )
    annotations = JsonField(
        label="Hints",
        kind=dict,
        required=False,
        widget=area(2),
        help_text='Beside the source\'s own: {"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true}',
    )
    examples = JsonField(required=False, widget=area(3), help_text='Arguments of calls, as a list: [{"id": 7}].')

    def __init__(self, data: Any = None, *, definition: Definition) -> None:
        stored = definition.curation
        super().__init__(data, initial=_values_of(stored))
        self.definition = definition
        self.own = shown_of(definition)
        if definition.form != Form.TOOL:
            for name in set(self.fields) - {"name", "title", "description"}:
                del self.fields[name]
        rows = _argument_values(self.own, stored) if definition.form == Form.TOOL else []
        self.arguments = Rows(ArgumentRow, "argument", data=data, initial=rows)
        self.schemas = _properties(self.own)

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form."""
        return INVALID_STATUS if self.is_bound and (self.errors or self.arguments.has_errors()) else 200

    def is_valid(self) -> bool:
        return all([super().is_valid(), not self.is_bound or (self.arguments.is_valid() and self._values_are_read())])

    def clean_project(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["project"].splitlines() if line.strip()]

    def clean_description(self) -> str:
        text: str = self.cleaned_data["description"]
        return text.replace("\r\n", "\n")

    def clean_examples(self) -> list[Any]:
        examples = [] if self.cleaned_data["examples"] is None else self.cleaned_data["examples"]
        if not isinstance(examples, list) or not all(isinstance(example, dict) for example in examples):
            raise ValidationError("Write a JSON list of objects: it starts with [ and ends with ].")
        return examples

    def curation(self) -> dict[str, Any]:
        """The curation as it was typed; only of a valid form."""
        typed = self.cleaned_data
        names = ("name", "title", "description", "project", "timeout", "examples", "calls_per_minute")
        curation = {name: typed.get(name) for name in names} | {"annotations": typed.get("annotations")}
        if typed.get("task") and typed["task"] != TaskSupport.FORBIDDEN:
            curation["task"] = typed["task"]
        if typed.get("maximum_kib"):
            curation["maximum_bytes"] = typed["maximum_kib"] * KIB
        guard = {name: typed.get(f"guard_{name}") or OFF for name in GUARDS}
        curation["guard"] = {name: chosen for name, chosen in guard.items() if chosen != OFF}
        curation["arguments"] = {row.cleaned_data["name"]: row.curated() for row in self.arguments.filled}
        return {name: value for name, value in curation.items() if value not in (None, "", [], {})}

    def refuse(self, refused: Refused) -> None:
        """What is about an argument is shown at its row."""
        fields: dict[str, list[str]] = refused.data.get("fields", {})
        rest = {name: sentences for name, sentences in fields.items() if not self._refuse_argument(name, sentences)}
        if rest or not fields:
            super().refuse(Refused(refused.refusal, refused.detail, refused.data | ({"fields": rest} if rest else {})))

    def _refuse_argument(self, name: str, sentences: list[str]) -> bool:
        if name == "curation":
            # Of all of it: why it could not be served like this.
            self.add_error(None, " ".join(sentences))
            return True
        for row in self.arguments.forms:
            argument = row.cleaned_data["name"]
            if name in (PLACE + argument, f"{PLACE}{argument}.fixed"):
                row.add_error("value" if name.endswith(".fixed") else None, " ".join(sentences))
                return True
        return False

    def _values_are_read(self) -> bool:
        """Whether each value that is fixed is JSON, or a text where the argument takes one."""
        for row in self.arguments.forms:
            typed = row.cleaned_data
            if typed["seen"] != "fixed" or _takes_text(self.schemas.get(typed["name"])):
                continue
            try:
                typed["value"] = parse_json(typed["value"])
            except ValidationError as error:
                row.add_error("value", error)
        return not self.arguments.has_errors()


def _values_of(curation: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in curation.items() if name not in ("project", "arguments", "maximum_bytes")}
    maximum, guard = curation.get("maximum_bytes"), curation.get("guard", {})
    return (
        shown
        | {f"guard_{name}": guard.get(name, OFF) for name in GUARDS}
        | {
            "project": "\n".join(curation.get("project", [])),
            "maximum_kib": max(1, maximum // KIB) if maximum else None,
            "annotations": curation.get("annotations") or None,
            "examples": curation.get("examples") or None,
        }
    )


def _argument_values(document: dict[str, Any], curation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each argument that the tool has, or that was curated when it had it."""
    curated: dict[str, dict[str, Any]] = curation.get("arguments", {})
    schemas = _properties(document)
    return [_argument(name, schemas.get(name), curated.get(name, {})) for name in {**schemas, **curated}]


def _argument(name: str, schema: Any, curated: dict[str, Any]) -> dict[str, Any]:
    seen = "fixed" if "fixed" in curated else "hidden" if curated.get("hidden") else "shown"
    value = curated.get("fixed", "")
    is_text = isinstance(value, str) and (_takes_text(schema) or "fixed" not in curated)
    text = value if is_text else json.dumps(value, ensure_ascii=False)
    return {"name": name, "seen": seen, "value": text, "described": curated.get("description") or ""}


def _properties(document: dict[str, Any]) -> dict[str, Any]:
    schema = document.get("input_schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _takes_text(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "string"
