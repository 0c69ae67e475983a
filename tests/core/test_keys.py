"""Keys are random, say what they are, and are stored in a form that does not give them away."""

import hashlib

import pytest

from core import keys


@pytest.mark.parametrize(("kind", "owner"), [(keys.ACCESS_KEY, ""), (keys.API_KEY, "b3duZXI")])
def test_a_key_shows_its_kind_and_a_little_of_itself(kind: str, owner: str) -> None:
    issued = keys.issue(kind, owner=owner)
    lead = f"{kind}_{owner}_" if owner else f"{kind}_"
    assert issued.secret.startswith(issued.prefix)
    assert issued.prefix.startswith(lead)
    shown = len(issued.prefix) - len(lead)
    assert 0 < shown <= keys.SHOWN_CHARACTERS
    assert len(issued.secret) - len(issued.prefix) >= 32  # 192 bits stay unseen


def test_a_key_is_stored_as_its_digest() -> None:
    issued = keys.issue(keys.ACCESS_KEY)
    assert issued.digest == hashlib.sha256(issued.secret.encode()).hexdigest() == keys.digest(issued.secret)
    assert issued.secret not in issued.prefix + issued.digest


def test_no_two_keys_are_alike() -> None:
    assert len({keys.issue(keys.ACCESS_KEY).secret for _ in range(1000)}) == 1000


def test_whatever_a_client_sends_has_a_digest() -> None:
    assert len(keys.digest("\ud800\0")) == 64
