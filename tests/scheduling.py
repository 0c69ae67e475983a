"""A pytest plugin: tests that share a server which is costly to start run in one process, one after the other."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

SHARING = (
    "tests/clients/",
    "tests/leaving/",
    "tests/exhaustion/",
    "tests/config/test_databases.py",
    "tests/config/test_up",
)


class ByFolder(LoadScopeScheduling):
    """Each test for itself, but those that begin as SHARING says together. (Marks do not reach the scheduler.)"""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in SHARING if nodeid.startswith(folder)), nodeid)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        """Forgets what is done: for each test, xdist counts through everything that the worker was ever given."""
        super().mark_test_complete(node, item_index, duration)
        given = self.assigned_work[node]
        scope = self._split_scope(self.registered_collections[node][item_index])
        if all(given[scope].values()):
            del given[scope]


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFolder:
    """The scheduler that xdist asks for."""
    return ByFolder(config, log)
