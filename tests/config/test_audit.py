"""`armstrong audit`: an export by shell words, verified without the platform."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.cli import main
from tests.conftest import Cast

WITHOUT_ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


def _export(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["audit", "export", *words]) == 0
    return capsys.readouterr().out.splitlines(keepends=True)


def _verify(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """In a process that has no database, no key and no settings."""
    return subprocess.run(
        [sys.executable, "-m", "config.cli", "audit", "verify", *words],
        env=WITHOUT_ENVIRONMENT,
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_an_export_is_verified_without_the_platform(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = _export(capsys, cast.tenant.slug)
    last = json.loads(lines[-1])
    assert (last["action"], last["actor_kind"]) == ("audit.exported", "system")
    file = tmp_path / "acme.jsonl"
    file.write_text("".join(lines))
    for done in (_verify(str(file)), _verify("-", given="".join(lines))):
        assert done.returncode == 0, done.stderr
        assert f"{len(lines)} events, from number 1 to number {last['sequence']}" in done.stdout
        assert last["digest"] in done.stdout


def test_it_says_where_the_chain_breaks(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, *rest = _export(capsys, cast.tenant.slug)
    altered = second.replace('"system"', '"nobody"')
    for given, sentence in (
        ("".join([first, altered, *rest]), "Line 2: event 2 was altered."),
        ("".join([first, *rest]), "Line 2: event 3 does not follow event 1."),
        ("nothing", "Line 1 is no event"),
        ("", "There is no event in it."),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        assert main(["audit", "verify", "-"]) == 1
        assert sentence in capsys.readouterr().err


def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "odd"
    odd.write_bytes(b"\xff\xfe")
    for name in (str(odd), str(tmp_path / "missing"), str(tmp_path)):
        assert main(["audit", "verify", name]) == 1
        assert capsys.readouterr().err.startswith("armstrong: ")


def test_it_begins_where_it_is_told_to_and_speaks_csv(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(_export(capsys, cast.tenant.slug, "--after", "2")[0])["sequence"] == 3
    assert _export(capsys, cast.tenant.slug, "--csv")[0].startswith("sequence,at,")
    assert len(_export(capsys, cast.tenant.slug, "--after", "9" * 30)) == 0


@pytest.mark.parametrize("name", ["nobody-has-this", "", "a\0b", "../x", "x" * 10_000])
def test_a_tenant_that_there_is_not_is_a_problem(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "export", name]) == 1
    assert capsys.readouterr().err.startswith("armstrong: ")
