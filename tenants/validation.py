"""Model validation as the platform's own refusal: also what Django leaves to forms and PostgreSQL would choke on."""

import math
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from core import refusals
from core.refusals import Refused

MAXIMUM_JSON_DEPTH = 64
MAXIMUM_JSON_CHARACTERS = 512 * 1024  # of all the strings in one JSON value
LARGEST_INTEGER = 2**63 - 1
LONGEST_EXPIRY = timedelta(days=3660)  # ten years: a later moment is a slip, and year 10,000 overflows
_LINE_BREAKS = {"Zl", "Zp"}
_UNSTORABLE = {"Cc", "Cs"}  # control characters and lone surrogates (Unicode general categories)
_MULTILINE = frozenset("\t\n\r")
_BROKEN = re.compile("[\0\ud800-\udfff]")


def cleaned[ModelT: models.Model](instance: ModelT) -> ModelT:
    """The instance, validated; raises Refused: INVALID_INPUT naming each wrong field, CONFLICT for a taken name."""
    fields_cleaned(instance)
    try:
        instance.validate_constraints()
    except ValidationError as error:
        raise invalid(error) from None
    return instance


def fields_cleaned[ModelT: models.Model](instance: ModelT) -> ModelT:
    """The instance, each field by itself validated: what may be compared with stored rows. Raises like `cleaned`."""
    wrong = dict(_unstorable(instance))
    if wrong:
        raise refused_fields(wrong)
    try:
        instance.clean_fields()
    except ValidationError as error:
        raise invalid(error) from None
    return instance


def invalid(error: ValidationError) -> Refused:
    """A Django validation error as a Refused: `data["fields"]` maps each field to its sentences."""
    fields: dict[str, list[str]] = {}
    for name, entries in error.error_dict.items():
        for entry in entries:
            fields.setdefault(_field_of(entry, name), []).extend(_sentences(entry))
    sentence = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items())
    codes = {entry.code for entries in error.error_dict.values() for entry in entries}
    refusal = refusals.CONFLICT if codes <= {"unique", "unique_together"} else refusals.INVALID_INPUT
    return Refused(refusal, sentence, {"fields": fields})


def _field_of(entry: ValidationError, name: str) -> str:
    """The field that a sentence is about: of a name taken within a tenant, the name and not the pair."""
    return str(entry.params["unique_check"][-1]) if entry.code == "unique_together" and entry.params else name


def _sentences(entry: ValidationError) -> list[str]:
    return ["This is taken. Choose another."] if entry.code == "unique_together" else list(entry.messages)


def refused_fields(fields: dict[str, str]) -> Refused:
    """Refused(INVALID_INPUT) with a sentence for each wrong field."""
    sentence = "; ".join(f"{name}: {text}" for name, text in fields.items())
    return Refused(refusals.INVALID_INPUT, sentence, {"fields": {name: [text] for name, text in fields.items()}})


def require_expiry(expires_at: datetime | None) -> None:
    """Raises Refused(INVALID_INPUT) unless the moment is unset, or in the next ten years and has a time zone."""
    if expires_at is None:
        return
    if timezone.is_naive(expires_at):
        raise refused_fields({"expires_at": "Give the moment with its time zone."})
    if not timezone.now() < expires_at < timezone.now() + LONGEST_EXPIRY:
        raise refused_fields({"expires_at": "Choose a moment in the next ten years."})


def json_problem(value: object) -> str:
    """Why PostgreSQL or a worker could not hold `value` as JSON; empty when they can."""
    level, characters = [value], 0
    for _depth in range(MAXIMUM_JSON_DEPTH):
        for node in level:
            if problem := _scalar_problem(node):
                return problem
            characters += len(node) if isinstance(node, str) else 0
        if characters > MAXIMUM_JSON_CHARACTERS:
            return f"Keep the texts in it to {MAXIMUM_JSON_CHARACTERS // 1024} KiB together."
        level = [child for node in level for child in _children(node)]
        if not level:
            return ""
    return f"Nest it at most {MAXIMUM_JSON_DEPTH} levels deep."


def _unstorable(instance: models.Model) -> Iterator[tuple[str, str]]:
    for field in instance._meta.concrete_fields:
        problem = _problem(field, getattr(instance, field.attname))
        if problem:
            yield field.name, problem


def _problem(field: "models.Field[Any, Any]", value: object) -> str:
    if isinstance(field, models.JSONField):
        return json_problem(value)
    if not isinstance(value, str):
        return ""
    if isinstance(field, models.TextField):
        too_long = field.max_length is not None and len(value) > field.max_length
        return f"Use at most {field.max_length} characters." if too_long else _text_problem(value, multiline=True)
    return _text_problem(value, multiline=False)


def _text_problem(text: str, *, multiline: bool) -> str:
    for character in text:
        category = unicodedata.category(character)
        if multiline and (character in _MULTILINE or category in _LINE_BREAKS):
            continue
        if category in _UNSTORABLE | _LINE_BREAKS:
            return "Use no control characters."
    return ""


def _scalar_problem(node: object) -> str:
    if isinstance(node, str):
        return "Use no null characters and no lone surrogates in texts." if _BROKEN.search(node) else ""
    if isinstance(node, int) and not -LARGEST_INTEGER - 1 <= node <= LARGEST_INTEGER:
        return "Use integers of at most 64 bits."
    if isinstance(node, float) and not math.isfinite(node):
        return "Use finite numbers."
    return ""


def _children(node: object) -> list[object]:
    if isinstance(node, dict):
        return [*node.keys(), *node.values()]
    return list(node) if isinstance(node, list) else []
