"""Whether something has changed since it was last done."""

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

OUR_PACKAGES = ("tenants", "billing", "mcp_runtime", "console")


def our_files(pattern: str) -> Iterator[Path]:
    """The files of our packages that match a glob pattern, in a stable order."""
    for package in OUR_PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            yield from sorted(file for file in Path(folder).glob(pattern) if file.is_file())


def fingerprint(files: Iterable[Path], distributions: Iterable[str]) -> str:
    """A digest of the content of files and the versions of installed distributions."""
    digest = hashlib.sha256()
    for name in distributions:
        digest.update(f"{name} {version(name)}\n".encode())
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()
