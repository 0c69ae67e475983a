"""Forms whose values go to a service, which may refuse them field by field."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar, NoReturn

from django import forms
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from billing.lifting import Lift, lift_of
from core import refusals
from core.refusals import Refused

# Refusals that are about what was typed; all others are about the request and have pages of their own.
OF_INPUT = (refusals.INVALID_INPUT, refusals.CONFLICT, refusals.LIMIT_REACHED)
INVALID_STATUS = 422


class ServiceForm(forms.Form):
    """A form of one service. `service_fields` maps the service's names of fields to the form's, where they differ.

    `lift` is the plan that would have allowed what was refused, if one would.
    """

    service_fields: ClassVar[dict[str, str]] = {}
    lift: Lift | None = None

    @contextmanager
    def submitting(self) -> Iterator[None]:
        """Runs a service; what it refuses about the input becomes errors of this form, and its writes are undone."""
        try:
            with transaction.atomic() if connection.in_atomic_block else nullcontext():
                yield
        except Refused as refused:
            if refused.refusal not in OF_INPUT:
                raise
            self.refuse(refused)

    def refuse(self, refused: Refused) -> None:
        """Shows a refusal at the fields it names, or above the form when it names none."""
        self.lift = lift_of(refused)
        fields: dict[str, list[str]] = refused.data.get("fields", {})
        for name, sentences in fields.items():
            own, rest = self._own(name)
            for sentence in sentences:
                self.add_error(own, f"{rest}: {sentence}" if rest else sentence)
        if not fields:
            self.add_error(None, str(refused))

    def _own(self, name: str) -> tuple[str | None, str]:
        """The form's field for a service's, and what it does not say: of `config.headers.Host`, headers and Host."""
        known = name
        while known:
            own = self.service_fields.get(known, known)
            if own in self.fields:
                return own, name[len(known) :].lstrip(".")
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        return None, name

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form."""
        return INVALID_STATUS if self.is_bound and self.errors else 200


class TypedNameForm(forms.Form):
    """Asks for a name to be typed before something is deleted."""

    confirmation = forms.CharField(max_length=200, strip=True)

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["confirmation"].label = f"Type {name} to confirm"

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if typed != self.name:
            raise ValidationError(f"This does not match. Type {self.name} exactly.")
        return typed

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form."""
        return INVALID_STATUS if self.is_bound and self.errors else 200


class JsonField(forms.CharField):
    """A JSON text; its value is what the text says, and a syntax error says where it is."""

    widget = forms.Textarea

    def __init__(self, *, kind: type | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        parsed = parse_json(str(value))
        if self.kind is dict and not isinstance(parsed, dict):
            raise ValidationError("Write a JSON object: it starts with { and ends with }.")
        return parsed

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else json.dumps(value, indent=2, ensure_ascii=False)

    def validate(self, value: Any) -> None:
        """An empty object and an empty list are values."""
        if value is None and self.required:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """None apply: the validators of a text are not those of what it says."""


def parse_json(text: str) -> Any:
    """The value of a JSON text (RFC 8259), duplicate names refused; raises ValidationError saying where it is wrong."""
    try:
        value = json.loads(text, parse_constant=_refused_number, parse_float=_finite, object_pairs_hook=_distinct)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ValidationError(
            f"This is not JSON: {error.msg.lower()} at line {error.lineno}, column {error.colno}."
        ) from None
    except UnicodeEncodeError:
        raise ValidationError("This holds half of a surrogate pair, which is no character.") from None
    except ValueError:
        raise ValidationError("This holds a number that is too long.") from None
    except RecursionError:
        raise ValidationError("This is nested too deep.") from None
    return value


def _refused_number(constant: str) -> NoReturn:
    raise ValidationError(f"{constant} is no number in JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        _refused_number(text)
    return number


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValidationError(f"The name “{name}” appears twice in one object.")
        found[name] = value
    return found
