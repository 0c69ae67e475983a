"""What is sealed under a tenant's key opens where it was put, with the key that sealed it, and nowhere else."""

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import crypto, envelope
from core.crypto import Forged
from core.envelope import KeyGone, Keyring

TENANT = "8a1c1f2e-0000-4000-8000-000000000001"
OTHER = "8a1c1f2e-0000-4000-8000-000000000002"


@pytest.fixture
def rotation(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment, with the derived keys forgotten before and after the test."""
    crypto._keys.cache_clear()  # noqa: SLF001  a process reads its secret once; a test needs two processes' worth
    yield monkeypatch
    monkeypatch.undo()
    crypto._keys.cache_clear()  # noqa: SLF001


def _keyring(*versions: int, tenant_id: str = TENANT) -> Keyring:
    return Keyring(tenant_id, {version: envelope.new_wrapped_key(tenant_id, version) for version in versions})


@given(st.binary(), st.lists(st.text(), max_size=3))
def test_a_sealed_value_opens_at_its_place(plaintext: bytes, row: list[str]) -> None:
    keyring = _keyring(1)
    assert keyring.unseal("purpose", keyring.seal("purpose", plaintext, *row), *row) == plaintext


@pytest.mark.parametrize(
    ("purpose", "row"),
    [
        ("other", ("a", "b")),
        ("purpose", ("a", "c")),
        ("purpose", ("ab",)),
        ("purpose", ("a", "b", "")),
        ("purpose", ()),
    ],
)
def test_a_sealed_value_opens_nowhere_else(purpose: str, row: tuple[str, ...]) -> None:
    keyring = _keyring(1)
    sealed = keyring.seal("purpose", b"token", "a", "b")
    with pytest.raises(Forged):
        keyring.unseal(purpose, sealed, *row)


def test_a_row_copied_to_another_tenant_cannot_be_opened_even_with_the_key_copied_along() -> None:
    keyring = _keyring(1)
    sealed = keyring.seal("purpose", b"token", "a")
    with pytest.raises(Forged):
        dataclasses.replace(keyring, tenant_id=OTHER).unseal("purpose", sealed, "a")
    with pytest.raises(Forged):
        _keyring(1, tenant_id=OTHER).unseal("purpose", sealed, "a")


@pytest.mark.parametrize(
    "sealed", ["", "1", "1.", ".AAAA", "x.AAAA", "\u0661.AAAA", "9999999999999999999.AAAA", "1.AA=="]
)
def test_what_was_never_sealed_is_forged(sealed: str) -> None:
    with pytest.raises(Forged):
        _keyring(1).unseal("purpose", sealed, "a")


def test_each_altered_character_is_noticed() -> None:
    keyring = _keyring(1)
    sealed = keyring.seal("purpose", b"token", "a")
    for position in range(2, len(sealed)):
        altered = sealed[:position] + ("A" if sealed[position] != "A" else "B") + sealed[position + 1 :]
        with pytest.raises(Forged):
            keyring.unseal("purpose", altered, "a")


def test_the_newest_key_seals_and_older_ones_still_open() -> None:
    old = _keyring(1)
    sealed = old.seal("purpose", b"token", "a")
    both = Keyring(TENANT, {**old.wrapped, **_keyring(2).wrapped})
    assert both.unseal("purpose", sealed, "a") == b"token"
    again = both.resealed("purpose", sealed, "a")
    assert (envelope.version_of(sealed), envelope.version_of(again)) == (1, 2)
    assert both.unseal("purpose", again, "a") == b"token"
    with pytest.raises(KeyGone):
        old.unseal("purpose", again, "a")


def test_without_a_key_nothing_is_sealed_or_opened() -> None:
    sealed = _keyring(1).seal("purpose", b"token", "a")
    with pytest.raises(KeyGone):
        _keyring().seal("purpose", b"token", "a")
    with pytest.raises(KeyGone):
        _keyring().unseal("purpose", sealed, "a")


def test_a_wrapped_key_goes_on_to_a_new_secret_of_the_platform(rotation: pytest.MonkeyPatch) -> None:
    rotation.setenv("ARMSTRONG_SECRET_KEY", "first")
    wrapped = envelope.new_wrapped_key(TENANT, 1)
    sealed = Keyring(TENANT, {1: wrapped}).seal("purpose", b"token", "a")
    rotation.setenv("ARMSTRONG_SECRET_KEY", "second")
    rotation.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", "first")
    crypto._keys.cache_clear()  # noqa: SLF001
    moved = envelope.rewrapped(wrapped, TENANT, 1)
    rotation.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", "")
    crypto._keys.cache_clear()  # noqa: SLF001
    assert Keyring(TENANT, {1: moved}).unseal("purpose", sealed, "a") == b"token"
    with pytest.raises(Forged):
        envelope.unwrap(wrapped, TENANT, 1)


def test_a_keyring_shows_no_key() -> None:
    keyring = _keyring(1)
    assert keyring.wrapped[1] not in repr(keyring)
