"""The kinds of problem there are: what a problem document's `type` leads to."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from console.api import problems
from core import refusals
from core.refusals import Refusal, Refused

router = Router(tags=["Problems"], auth=None)
_BY_NAME = {refusal.name: refusal for refusal in refusals.ALL}


class ProblemKind(Schema):
    """One kind of problem. Names and numbers are never reused and never change meaning."""

    type: str
    title: str
    code: str
    number: int
    status: int
    advice: str
    retry_after_seconds: int | None


class ProblemKinds(Schema):
    """Every kind of problem, by number."""

    items: list[ProblemKind]


@router.get("/problems", response=ProblemKinds, summary="List the kinds of problem")
def problem_list(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001  ninja knows it by this name
    return {"items": [_kind(refusal) for refusal in sorted(refusals.ALL, key=lambda refusal: refusal.number)]}


@router.get(
    "/problems/{slug:code}", response={200: ProblemKind, 404: problems.Problem}, summary="Describe a kind of problem"
)
def problem_show(request: HttpRequest, code: str) -> dict[str, Any]:  # noqa: ARG001  ninja knows it by this name
    if code not in _BY_NAME:
        raise Refused(refusals.NOT_FOUND)
    return _kind(_BY_NAME[code])


def _kind(refusal: Refusal) -> dict[str, Any]:
    return {
        "type": problems.type_url(refusal),
        "title": problems.title(refusal),
        "code": refusal.name,
        "number": refusal.number,
        "status": refusal.http_status,
        "advice": refusal.advice,
        "retry_after_seconds": refusal.retry_after_seconds,
    }
