"""The Celery application knows every job that beat sends and services ask for."""

from config.celery import app
from mcp_runtime.jobs import PROBE_UPSTREAMS, RUN_IMPORT
from mcp_runtime.tasks import probe_upstreams, run_import, sweep_probes


def test_every_periodic_job_is_one_that_workers_know() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
    # Asked of the functions themselves, as who calls one does.
    names = [probe_upstreams.name, run_import.name, sweep_probes.name]
    assert names == [PROBE_UPSTREAMS, RUN_IMPORT, app.conf.beat_schedule["sweep-probes"]["task"]]
