"""What an API request carries: its actor, its identifier, and a body that is exactly one JSON object."""

import json
import math
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from ninja.parser import Parser
from ninja.security import HttpBearer

from console.client_addresses import client_address
from core import refusals
from core.acting import act_as
from core.refusals import Refused
from tenants.access import Actor
from tenants.services.api_keys import actor_for_api_key
from tenants.services.networks import require_console_address
from tenants.validation import json_problem, refused_fields


class ApiRequest(HttpRequest):
    """A request that presented a valid key; `auth` is who it acts as."""

    auth: Actor


class ApiKeyBearer(HttpBearer):
    """`Authorization: Bearer aak_…` (RFC 6750 section 2.1), and nothing else: no cookie opens the API."""

    openapi_description = "An API key of one tenant, made in the console under API keys."

    def __call__(self, request: HttpRequest) -> Actor:
        """Who the key acts as; raises Refused: AUTHENTICATION_REQUIRED, INVALID_CREDENTIALS."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.openapi_scheme or not key.strip():
            raise Refused(refusals.AUTHENTICATION_REQUIRED, "Send an API key as `Authorization: Bearer <key>`.")
        return self.authenticate(request, key.strip())

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        actor = actor_for_api_key(token)
        require_console_address(actor.tenant, client_address(request))
        act_as("api_key", actor.api_key_id, actor.api_key_name)
        return actor


class StrictJson(Parser):
    """JSON as RFC 8259 has it: no NaN, no duplicate names, nothing that a part behind would read otherwise."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """The body's object; raises Refused: UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, MALFORMED_BODY, INVALID_INPUT."""
        if request.content_type != "application/json":
            raise Refused(refusals.UNSUPPORTED_MEDIA_TYPE)
        if len(request.body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise Refused(refusals.BODY_TOO_LARGE)
        try:
            value = json.loads(
                request.body.decode("utf-8"),
                object_pairs_hook=_object,
                parse_constant=_refuse_constant,
                parse_float=_finite,
            )
        except (ValueError, RecursionError) as error:
            sentence = "It is nested too deeply." if isinstance(error, RecursionError) else f"{error}."
            raise Refused(refusals.MALFORMED_BODY, f"The body is not valid JSON: {sentence}") from None
        if not isinstance(value, dict):
            raise Refused(refusals.MALFORMED_BODY, "The body is not a JSON object.")
        wrong = {name: problem for name, field in value.items() if (problem := json_problem(field))}
        if wrong:
            raise refused_fields(wrong)
        return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is out of range")
    return value
