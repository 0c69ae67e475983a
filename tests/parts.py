"""A pytest plugin: which tests are `make system`'s, for what they start or kill, and not `make test`'s.

`make test` is what the platform does at its edges, in the process of the tests, on servers that a run starts once. What
starts processes of the platform or clients in processes of their own, what kills and what exhausts is the system's.
"""

import pytest

SYSTEM = (
    "tests/clients/",
    "tests/config/test_audit.py",
    "tests/config/test_cli.py",
    "tests/config/test_containers.py",
    "tests/config/test_up.py",
    "tests/config/test_up_tasks.py",
    "tests/core/embedded/",
    "tests/core/supervision/test_tree.py",
    "tests/exhaustion/",
    "tests/leaving/",
    "tests/mcp_runtime/metering/test_killed.py",
    "tests/openapi_corpus/",
    "tests/scripts/test_servers.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks them before `-m` picks; a single test elsewhere bears the mark itself."""
    for item in items:
        if item.nodeid.startswith(SYSTEM):
            item.add_marker("system")
        if "platform" in getattr(item, "fixturenames", ()):
            item.add_marker("platform")
            item.add_marker("system")
