"""The form of a tool's arguments, made from its JSON Schema."""

import json
from typing import Any

from django import forms
from django.utils.html import escape

from console.forms import INVALID_STATUS, JsonField

MAXIMUM_FIELDS = 30
LONG_TEXT = 200  # a string that may be longer gets more than one line
WHOLE = "arguments"


class ArgumentsForm(forms.Form):
    """A field for each property of the schema; one JSON field for all when the schema is not that simple.

    An optional field that is left empty is not sent at all. The runtime validates what is sent: here only what
    cannot be read (a number that is none, a text that is not JSON) is refused.
    """

    use_required_attribute = False

    def __init__(self, schema: dict[str, Any], data: Any = None) -> None:
        super().__init__(data)
        self.properties: dict[str, str] = {}
        self.required: set[str] = set()
        if not _is_simple(schema):
            self.fields[WHOLE] = JsonField(
                label="Arguments", kind=dict, required=False, initial={}, widget=forms.Textarea(attrs={"rows": 8})
            )
            return
        self.required = {name for name in schema.get("required", []) if isinstance(name, str)}
        # Named by number: a property may be called anything, and a form's field may not.
        # The database keeps lists in order and objects not: what is required comes first, as its author wrote it.
        properties = schema.get("properties", {})
        ordered = [name for name in schema.get("required", []) if isinstance(name, str) and name in properties]
        for number, name in enumerate(dict.fromkeys([*ordered, *properties])):
            key, subschema = f"argument_{number}", properties[name]
            self.properties[key] = name
            self.fields[key] = _field(name, subschema, required=name in self.required)

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form."""
        return INVALID_STATUS if self.is_bound and self.errors else 200

    def arguments(self) -> dict[str, Any]:
        """What to send; only of a valid form."""
        if WHOLE in self.fields:
            return self.cleaned_data[WHOLE] or {}
        return {
            name: self.cleaned_data[key]
            for key, name in self.properties.items()
            if name in self.required or self.cleaned_data[key] not in (None, "")
        }


class _LiteralField(forms.ChoiceField):
    """A choice whose values are JSON literals."""

    def clean(self, value: Any) -> Any:
        chosen = super().clean(value)
        return json.loads(chosen) if chosen else None


class _TextField(forms.CharField):
    """A text. A required one may be empty: whether that will do is the schema's to say."""

    def validate(self, value: Any) -> None:
        """Everything will do."""


class _NumberField(forms.FloatField):
    """A number; a whole one stays whole."""

    def to_python(self, value: Any) -> Any:
        number = super().to_python(value)
        return int(number) if number is not None and number.is_integer() else number


def _is_simple(schema: dict[str, Any]) -> bool:
    properties = schema.get("properties", {})
    plain = not {"allOf", "anyOf", "oneOf", "not", "if", "$ref", "patternProperties"} & schema.keys()
    if not plain or not isinstance(properties, dict) or len(properties) > MAXIMUM_FIELDS:
        return False
    # Without properties there is nothing to make fields of; without a ban, anything may be sent.
    return bool(properties) or schema.get("additionalProperties") is False


def _field(name: str, schema: Any, *, required: bool) -> forms.Field:
    schema = schema if isinstance(schema, dict) else {}
    shared: dict[str, Any] = {
        "label": name,
        "required": required,
        # Forms take help texts for HTML; this one was written by a tenant.
        "help_text": escape(str(schema.get("description", ""))),
        "initial": schema.get("default"),
    }
    if "enum" in schema and isinstance(schema["enum"], list):
        return _choice(schema["enum"], shared)
    match schema.get("type"):
        case "string":
            return _text(schema, shared)
        case "integer":
            return forms.IntegerField(**shared)
        case "number":
            return _NumberField(**shared)
        case "boolean":
            return _choice([True, False], shared)
    return JsonField(**shared, widget=forms.Textarea(attrs={"rows": 3}))


def _text(schema: dict[str, Any], shared: dict[str, Any]) -> forms.Field:
    longest = schema.get("maxLength")
    is_long = isinstance(longest, int) and longest > LONG_TEXT
    widget = forms.Textarea(attrs={"rows": 3}) if is_long else forms.TextInput()
    return _TextField(**shared, strip=False, widget=widget)


def _choice(values: list[Any], shared: dict[str, Any]) -> forms.Field:
    choices = [(json.dumps(value), value if isinstance(value, str) else json.dumps(value)) for value in values]
    unset = [] if shared["required"] else [("", "—")]
    initial = json.dumps(shared["initial"]) if shared["initial"] is not None else None
    return _LiteralField(**shared | {"initial": initial}, choices=unset + choices)
