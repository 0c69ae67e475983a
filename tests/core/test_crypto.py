"""What is signed or sealed for one purpose, tenant and object is worth nothing for another."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import crypto
from core.crypto import Forged


@pytest.fixture
def rotation(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The environment, with the derived keys forgotten before and after the test."""
    crypto._keys.cache_clear()  # noqa: SLF001  a process reads its secret once; a test needs two processes' worth
    yield monkeypatch
    monkeypatch.undo()
    crypto._keys.cache_clear()  # noqa: SLF001


@given(st.binary())
def test_decode_is_the_inverse_of_encode(raw: bytes) -> None:
    assert crypto.decode(crypto.encode(raw)) == raw


@pytest.mark.parametrize("value", ["a", "ab=", "a b", "é", "YQ==", "YR", "+/+/", "YQ\n", "\ud800"])
def test_what_encode_would_not_make_is_forged(value: str) -> None:
    with pytest.raises(Forged):
        crypto.decode(value)


def test_a_signature_verifies_for_its_own_message_and_purpose() -> None:
    tag = crypto.sign("greeting", b"hello")
    crypto.verify("greeting", b"hello", tag)
    for purpose, message, other in [
        ("farewell", b"hello", tag),
        ("greeting", b"hullo", tag),
        ("greeting", b"hello", b""),
    ]:
        with pytest.raises(Forged):
            crypto.verify(purpose, message, other)


@given(st.binary())
def test_what_is_sealed_opens_again(plaintext: bytes) -> None:
    sealed = crypto.seal("note", plaintext, bound_to="tenant/object")
    assert crypto.unseal("note", sealed, bound_to="tenant/object") == plaintext


def test_a_sealed_value_opens_nowhere_else() -> None:
    sealed = crypto.seal("note", b"secret", bound_to="tenant/object")
    for purpose, bound_to in [("letter", "tenant/object"), ("note", "tenant/other"), ("note", "")]:
        with pytest.raises(Forged):
            crypto.unseal(purpose, sealed, bound_to=bound_to)


def test_two_seals_of_one_text_differ() -> None:
    assert crypto.seal("note", b"secret", bound_to="t") != crypto.seal("note", b"secret", bound_to="t")


def test_each_altered_byte_is_noticed() -> None:
    raw = bytearray(crypto.decode(crypto.seal("note", b"s", bound_to="t")))
    for index in range(len(raw)):
        altered = bytes(raw[:index]) + bytes([raw[index] ^ 1]) + bytes(raw[index + 1 :])
        with pytest.raises(Forged):
            crypto.unseal("note", crypto.encode(altered), bound_to="t")


@pytest.mark.parametrize("sealed", ["", "AAAA", "not base64!"])
def test_what_is_too_short_or_garbled_is_forged(sealed: str) -> None:
    with pytest.raises(Forged):
        crypto.unseal("note", sealed, bound_to="t")


def test_without_the_former_secret_nothing_of_it_opens(rotation: pytest.MonkeyPatch) -> None:
    rotation.setenv("ARMSTRONG_SECRET_KEY", "the first secret")
    sealed, tag = crypto.seal("note", b"secret", bound_to="t"), crypto.sign("note", b"m")
    rotation.setenv("ARMSTRONG_SECRET_KEY", "the second secret")
    rotation.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", "another")
    crypto._keys.cache_clear()  # noqa: SLF001
    with pytest.raises(Forged):
        crypto.unseal("note", sealed, bound_to="t")
    with pytest.raises(Forged):
        crypto.verify("note", b"m", tag)


def test_a_fallback_secret_still_opens_and_verifies(rotation: pytest.MonkeyPatch) -> None:
    rotation.setenv("ARMSTRONG_SECRET_KEY", "first")
    sealed, tag = crypto.seal("note", b"secret", bound_to="t"), crypto.sign("note", b"m")
    rotation.setenv("ARMSTRONG_SECRET_KEY", "second")
    rotation.setenv("ARMSTRONG_SECRET_KEY_FALLBACKS", "zeroth,first")
    crypto._keys.cache_clear()  # noqa: SLF001
    assert crypto.unseal("note", sealed, bound_to="t") == b"secret"
    crypto.verify("note", b"m", tag)
    assert crypto.sign("note", b"m") != tag
