"""Scopes as texts: what is no scope is left out, and what strangers ask for is bounded."""

import pytest

from tenants.vault.oauth.scopes import MAXIMUM_CHARACTERS, MAXIMUM_SCOPES, united, without


@pytest.mark.parametrize(
    ("first", "others", "expected"),
    [
        ("", ("",), ""),
        ("read", ("read write",), "read write"),
        ("read", ("write", "admin write"), "read write admin"),
        ("", ('a"b c\\d \x01 é ok',), "ok"),
        ("", ("x" * 201 + " short",), "short"),
    ],
)
def test_scopes_are_put_together(first: str, others: tuple[str, ...], expected: str) -> None:
    assert united(first, *others) == expected


def test_what_strangers_ask_for_is_bounded_and_takes_nothing_away() -> None:
    many = " ".join(f"scope{number}" for number in range(10_000))
    assert len(united("mine", many).split()) == MAXIMUM_SCOPES
    long = " ".join("x" * 190 + str(number) for number in range(100, 140))
    assert len(united("mine", long)) <= MAXIMUM_CHARACTERS
    own = " ".join(f"own{number}" for number in range(MAXIMUM_SCOPES + 5))
    assert united(own, "more") == own


def test_scopes_are_taken_away() -> None:
    assert without("read write admin", "write", "admin other") == "read"
