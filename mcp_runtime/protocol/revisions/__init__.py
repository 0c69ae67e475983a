"""Every protocol revision: a module each, named after its version, with a `REVISION` in it. A new file is a new one."""

import importlib
import pkgutil
from collections.abc import Iterator

from mcp_runtime.protocol.extensions import extended
from mcp_runtime.protocol.revision import Revision

# All versions that begin with a handshake, also those served elsewhere or no more: their names tell the two eras apart.
HANDSHAKE_VERSIONS = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})


def _revisions() -> Iterator[Revision]:
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        yield extended(importlib.import_module(f"{__name__}.{module.name}").REVISION)


ALL: dict[str, Revision] = {revision.version: revision for revision in _revisions()}
STATELESS = {version: revision for version, revision in ALL.items() if revision.stateless}
HANDSHAKE = {version: revision for version, revision in ALL.items() if not revision.stateless}
NEWEST_STATELESS = STATELESS[max(STATELESS)]
NEWEST_HANDSHAKE = HANDSHAKE[max(HANDSHAKE)]
