"""Each of the servers, running once for all its tests."""

from collections.abc import Iterator

import pytest

from tests.mcp_runtime.others_servers.processes import everything, python_server, running


@pytest.fixture(scope="session")
def everything_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """npm's server-everything, over Streamable HTTP."""
    with running(*everything("streamableHttp"), tmp_path_factory.mktemp("everything") / "log") as origin:
        yield f"{origin}/mcp"


@pytest.fixture(scope="session")
def fastmcp_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of FastMCP 4."""
    with running(*python_server("fastmcp"), tmp_path_factory.mktemp("fastmcp") / "log") as origin:
        yield f"{origin}/mcp"


@pytest.fixture(scope="session")
def sdk_v1_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of version 1 of the official Python SDK, over Streamable HTTP."""
    with running(*python_server("sdk_v1", "streamable-http"), tmp_path_factory.mktemp("sdk") / "log") as origin:
        yield f"{origin}/mcp"


@pytest.fixture(scope="session")
def sdk_v1_sse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same server over HTTP+SSE."""
    with running(*python_server("sdk_v1", "sse"), tmp_path_factory.mktemp("sse") / "log") as origin:
        yield f"{origin}/sse"
