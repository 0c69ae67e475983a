"""A pytest plugin: tests that share a server which is costly to start run in one process, one after the other."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

SHARING = ("tests/clients/",)


class ByFolder(LoadScopeScheduling):
    """Each test for itself, but those of a folder in SHARING together, and those of an `xdist_group`.

    Marks do not reach the scheduler; with `--dist loadgroup` xdist appends the group to the test's id.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.rfind("@") > nodeid.rfind("]"):
            return nodeid.rpartition("@")[2]
        return next((folder for folder in SHARING if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFolder:
    """The scheduler that xdist asks for."""
    return ByFolder(config, log)
