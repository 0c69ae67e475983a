"""The environment is read exactly, or the process says which variable is wrong."""

from pathlib import Path

import pytest

from core import environment
from core.environment import BadEnvironment


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GREETING", raising=False)
    with pytest.raises(BadEnvironment) as refusal:
        environment.text("GREETING")
    assert "GREETING" in str(refusal.value)


@pytest.mark.parametrize(("written", "read"), [("7", 7), ("-1", -1), ("", 3)])
def test_an_integer_or_its_default(monkeypatch: pytest.MonkeyPatch, written: str, read: int) -> None:
    monkeypatch.setenv("COUNT", written)
    assert environment.integer("COUNT", 3) == read


@pytest.mark.parametrize("written", ["seven", "1.5", "0x10"])
def test_what_is_not_an_integer_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("COUNT", written)
    with pytest.raises(BadEnvironment):
        environment.integer("COUNT", 3)


@pytest.mark.parametrize(("written", "read"), [("YES", True), ("on", True), ("1", True), ("off", False), ("No", False)])
def test_yes_and_no_in_their_spellings(monkeypatch: pytest.MonkeyPatch, written: str, read: bool) -> None:  # noqa: FBT001
    monkeypatch.setenv("SWITCH", written)
    assert environment.boolean("SWITCH", default=not read) is read


def test_neither_yes_nor_no_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCH", "maybe")
    with pytest.raises(BadEnvironment):
        environment.boolean("SWITCH", default=True)


def test_words_are_separated_by_commas_or_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", " a, b  c,,")
    assert environment.words("HOSTS") == ["a", "b", "c"]


def test_a_secret_comes_from_the_file_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    monkeypatch.setenv("TOKEN", "from-the-environment")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "token"))
    assert environment.secret("TOKEN") == "from-a-file"


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "absent"))
    with pytest.raises(BadEnvironment) as refusal:
        environment.secret("TOKEN")
    assert "TOKEN_FILE" in str(refusal.value)


def test_an_empty_secret_is_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    monkeypatch.setenv("TOKEN", "")
    with pytest.raises(BadEnvironment):
        environment.secret("TOKEN")
    monkeypatch.setenv("TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(BadEnvironment):
        environment.secret("TOKEN")
