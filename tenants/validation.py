"""Model validation as the platform's own refusal."""

from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model

from core import refusals
from core.refusals import Refused

ModelT = TypeVar("ModelT", bound=Model)


def cleaned[ModelT: Model](instance: ModelT) -> ModelT:
    """The instance, validated; raises Refused: INVALID_INPUT naming each wrong field, CONFLICT for a taken name."""
    try:
        instance.clean_fields()
        instance.validate_constraints()
    except ValidationError as error:
        raise invalid(error) from None
    return instance


def invalid(error: ValidationError) -> Refused:
    """A Django validation error as a Refused: `data["fields"]` maps each field to its sentences."""
    fields = {name: [str(message) for message in messages] for name, messages in error.message_dict.items()}
    sentence = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items())
    codes = {entry.code for entries in error.error_dict.values() for entry in entries}
    refusal = refusals.CONFLICT if codes <= {"unique", "unique_together"} else refusals.INVALID_INPUT
    return Refused(refusal, sentence, {"fields": fields})
