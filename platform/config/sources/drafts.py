"""An upstream's draft out of the words of a command line."""

import argparse
import json
from pathlib import Path
from typing import Any

from config.problems import Problem
from mcp_runtime.sources.upstream import UpstreamDraft


def draft_of(arguments: argparse.Namespace) -> UpstreamDraft:
    """The draft; raises Problem for what cannot be read."""
    config = _config(arguments.config) | ({"url": arguments.url} if arguments.url else {})
    material = _read(arguments.file) if arguments.file else None
    return UpstreamDraft(config, dict(_secret(text) for text in arguments.secret), material)


def _config(text: str) -> dict[str, Any]:
    written = _read(Path(text[1:])).decode("utf-8", "replace") if text.startswith("@") else text
    try:
        config = json.loads(written)
    except ValueError as error:
        raise Problem(f"--config is not JSON: {error}.") from None
    if not isinstance(config, dict):
        raise Problem("--config is a JSON object.")
    return config


def _secret(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator or not value:
        raise Problem("--secret is NAME=VALUE, or NAME=@file.")
    return name, _read(Path(value[1:])).decode("utf-8", "replace").rstrip("\n") if value.startswith("@") else value


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}.") from None
