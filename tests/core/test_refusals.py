"""Refusals are a promise: no name or number twice, none in JSON-RPC's reserved range, each with advice."""

from http import HTTPStatus

from core import refusals
from core.refusals import Refused


def test_no_two_refusals_share_a_name_or_a_number() -> None:
    assert len({refusal.name for refusal in refusals.ALL}) == len(refusals.ALL)
    assert len({refusal.number for refusal in refusals.ALL}) == len(refusals.ALL)


def test_every_refusal_of_the_module_is_listed() -> None:
    named = {name.lower() for name, value in vars(refusals).items() if isinstance(value, refusals.Refusal)}
    assert named == {refusal.name for refusal in refusals.ALL}


def test_numbers_keep_clear_of_the_reserved_range() -> None:
    assert not [refusal for refusal in refusals.ALL if -32768 <= refusal.number <= -32000]


def test_each_refusal_is_an_http_error_and_says_what_to_do() -> None:
    for refusal in refusals.ALL:
        assert HTTPStatus(refusal.http_status) >= HTTPStatus.BAD_REQUEST
        assert refusal.advice.endswith(".")
        assert refusal.retry_after_seconds is None or refusal.retry_after_seconds > 0


def test_a_refusal_speaks_its_detail_or_else_its_advice() -> None:
    assert str(Refused(refusals.NOT_FOUND, "No such thing.")) == "No such thing."
    assert str(Refused(refusals.NOT_FOUND)) == refusals.NOT_FOUND.advice


def test_an_exception_is_only_itself() -> None:
    first, second = Refused(refusals.NOT_FOUND), Refused(refusals.NOT_FOUND)
    assert len({first, second}) == 2
