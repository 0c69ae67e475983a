"""A pytest plugin: notes which revisions each test runs on that checks a requirement."""

import pytest

REVISIONS_SEEN = pytest.StashKey[dict[str, set[str]]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before anything is deselected."""
    seen: dict[str, set[str]] = {}
    for item in items:
        for mark in item.iter_markers("requirement"):
            stated = mark.kwargs.get("revisions", ())
            parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
            own = {str(parameters["version"])} if "version" in parameters else set()
            seen.setdefault(item.nodeid.partition("[")[0], set()).update(stated, own)
    config.stash[REVISIONS_SEEN] = seen
