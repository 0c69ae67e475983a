"""The state folder."""

import os
from pathlib import Path

import pytest

from config.machine.state import State, adopt_environment
from config.problems import Problem


def test_one_platform_at_a_time(tmp_path: Path) -> None:
    first, second = State(tmp_path), State(tmp_path)
    assert not second.is_in_use()
    first.open()
    assert second.is_in_use()
    with pytest.raises(Problem) as caught:
        second.open()
    assert f"(process {os.getpid()})" in str(caught.value)


def test_a_lock_of_a_killed_platform_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("4194304999\n")
    State(tmp_path).open()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_secret_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    made = State(tmp_path).secret("ARMSTRONG_SECRET_KEY")
    assert len(made) >= 43
    assert State(tmp_path).secret("ARMSTRONG_SECRET_KEY") == made
    assert State(tmp_path).secret("armstrong_app") != made
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", "null", '["a"]'])
def test_a_file_that_was_cut_off_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    assert State(tmp_path).read("secrets.json") == {}


def test_what_is_set_already_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    State(tmp_path).write("environment.json", {"TEST_A": "found", "TEST_B": "found", "TEST_C": "found"})
    monkeypatch.setenv("TEST_A", "mine")
    monkeypatch.setenv("TEST_B_FILE", "/mine")
    monkeypatch.delenv("TEST_C", raising=False)
    adopt_environment(tmp_path)
    assert os.environ["TEST_A"] == "mine"
    assert "TEST_B" not in os.environ
    assert os.environ.pop("TEST_C") == "found"
