"""What the jobs role logs of tasks that failed."""

import logging

import pytest
from django.db import OperationalError

import config.celery  # noqa: F401  its filter is what is tested


def test_that_the_database_is_away_is_a_sentence_and_a_defect_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("celery.app.trace")
    for error in (OperationalError("the connection is lost"), ZeroDivisionError()):
        try:
            raise error
        except (OperationalError, ZeroDivisionError):
            logger.exception("Task %(name)s failed", {"name": "mcp_runtime.probe"})
    away, defect = caplog.records
    assert (away.levelname, away.getMessage(), away.exc_info) == (
        "WARNING",
        "the database was away from task mcp_runtime.probe: OperationalError",
        None,
    )
    assert (defect.levelname, bool(defect.exc_info)) == ("ERROR", True)
