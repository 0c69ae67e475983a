"""The service, running."""

from collections.abc import AsyncIterator

import pytest

from tests.core.outbound.upstreams import LOOPBACK, upstream
from tests.mcp_runtime.sources.openapi.service import service


@pytest.fixture
async def base(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The service's address, which the operator allows."""
    async with upstream(service) as port:
        monkeypatch.setenv("OUTBOUND_ALLOW", f"{LOOPBACK}:{port}")
        yield f"http://{LOOPBACK}:{port}"


@pytest.fixture
def showing_base(base: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The service's address, where results show the credentials that were sent."""
    monkeypatch.setattr("mcp_runtime.sources.openapi.calling.hiding", lambda _values: str)
    return base
