"""The inputs that are kept: one file each, named for its content, in a folder for each target."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
NAME_CHARACTERS = 16
TARGETS = ("decoder", "ladder")


def folder_of(target: str) -> Path:
    """Where a target's inputs are kept."""
    return FOLDER / target


def inputs_of(target: str) -> list[bytes]:
    """A target's inputs, in order of name."""
    return [file.read_bytes() for file in sorted(folder_of(target).iterdir())]


def write(folder: Path, inputs: Iterable[bytes]) -> None:
    """Puts inputs into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:NAME_CHARACTERS]).write_bytes(data)
