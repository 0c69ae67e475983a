"""Every extension of the protocol: a module each, with an `EXTENSION` in it. A new file is a new one."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace

from mcp_runtime.protocol.extension import Extension
from mcp_runtime.protocol.revision import Revision


def _extensions() -> Iterator[Extension]:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        yield importlib.import_module(f"{__name__}.{module.name}").EXTENSION


ALL: tuple[Extension, ...] = tuple(_extensions())


def extended(revision: Revision) -> Revision:
    """The revision with the extensions that apply to it."""
    mine = tuple(extension for extension in ALL if revision.version in extension.revisions)
    methods, mirrored = dict(revision.methods), dict(revision.mirrored)
    for extension in mine:
        methods |= extension.guarded()
        mirrored |= extension.mirrored
    return replace(revision, methods=methods, mirrored=mirrored, extensions=mine)
