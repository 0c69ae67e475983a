"""What is done once, and not again while nothing changed."""

from pathlib import Path

from config.steps.fingerprint import fingerprint, our_files


def test_a_fingerprint_changes_with_a_file_and_only_then(tmp_path: Path) -> None:
    file = tmp_path / "0001_initial.py"
    file.write_text("one")
    first = fingerprint([file], ["django"])
    assert fingerprint([file], ["django"]) == first
    assert fingerprint([file], []) != first
    file.write_text("two")
    assert fingerprint([file], ["django"]) != first
    file.write_text("one")
    assert fingerprint([file], ["django"]) == first


def test_migrations_and_static_files_of_our_packages_are_seen() -> None:
    names = {f"{file.parent.parent.name}/{file.name}" for file in our_files("migrations/*.py")}
    assert {"tenants/0001_initial.py", "mcp_runtime/0001_initial.py"} <= names
    assert any(file.suffix == ".css" for file in our_files("static/**/*"))
