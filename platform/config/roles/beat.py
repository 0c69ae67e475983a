"""The beat role: sends periodic tasks when they are due, and one when audit logs with webhooks got events."""

from celery import Celery
from celery.beat import PersistentScheduler

from config.machine.options import state_folder
from config.roles.listening import Address
from core import environment
from core.supervision.heartbeat import Heartbeat
from tenants.audit.hearing import STREAM_TASK, AuditEar

LONGEST_SLEEP_SECONDS = 2  # between two looks at the schedule, and so between two heartbeats


# Sends tasks by name: without Celery's Django fixup, models and tasks stay unloaded.
app = Celery("armstrong", fixups=[])
app.config_from_object("django.conf:settings", namespace="CELERY")


class BeatingScheduler(PersistentScheduler):
    """Celery's scheduler; each look at the schedule is a heartbeat."""

    heartbeat = Heartbeat.from_environment()

    def tick(self, *arguments: object, **options: object) -> float:
        """Sends what is due; seconds until the next look."""
        self.heartbeat.note()
        wait: float = super().tick(*arguments, **options)  # type: ignore[no-untyped-call]  # Celery has no types
        return wait


def serve(_: Address) -> int:
    """Sends until SIGTERM."""
    folder = state_folder() / "beat"
    folder.mkdir(parents=True, exist_ok=True)
    AuditEar(environment.secret("DATABASE_URL"), _stream_audit).start()
    # Not through Celery's command line: that loads an interactive shell first.
    app.Beat(
        quiet=True,
        schedule=str(folder / "schedule"),
        scheduler=f"{__name__}:BeatingScheduler",
        max_interval=LONGEST_SLEEP_SECONDS,
        loglevel=environment.text("ARMSTRONG_LOG_LEVEL", "INFO"),
    ).run()
    return 0


def _stream_audit() -> None:
    app.send_task(STREAM_TASK, retry=False, expires=5)
