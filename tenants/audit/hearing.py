"""Hearing of new events, so that webhooks need not wait until they are looked after again. Without Django."""

import logging
import threading
from collections.abc import Callable

import psycopg

from core.channels import AUDIT_CHANNEL
from core.jitter import jittered

logger = logging.getLogger(__name__)

# The Celery task that sends what is due.
STREAM_TASK = "tenants.stream_audit"
# How often it is asked whether the connection still stands, and whether to stop.
PULSE_SECONDS = 1.0
PAUSE_SECONDS = 2.0
STOP_SECONDS = 5.0
# Whoever sends them may have a clock that is behind the database's. A webhook that is being told, or that failed and
# is left alone for a while, is not touched.
_WAKE = """
    UPDATE tenants_auditdue SET is_idle = false, due_at = now() - interval '5 s'
    WHERE is_idle AND tenant_id = ANY(%s::uuid[])
"""


class AuditEar:
    """A thread that makes webhooks due when their tenant's log got events; then has `send` called, in the thread.

    What it does not hear, while the database is away or it is not there, is found by looking every ten seconds.
    """

    def __init__(self, database_url: str, send: Callable[[], object]) -> None:
        self._database_url = database_url
        self._send = send
        self._stopped = threading.Event()
        self.is_listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="audit ear", daemon=True)

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; returns once it has ended, after some seconds at most."""
        self._stopped.set()
        self._thread.join(STOP_SECONDS)

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except (psycopg.Error, OSError) as error:
                logger.warning(
                    "audit webhooks wait for their turn until the database is back: %s", type(error).__name__
                )
            self.is_listening.clear()
            self._stopped.wait(jittered(PAUSE_SECONDS))

    def _listen(self) -> None:
        with psycopg.connect(self._database_url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"LISTEN {AUDIT_CHANNEL}")
            self.is_listening.set()
            while not self._stopped.is_set():
                heard = connection.notifies(timeout=PULSE_SECONDS, stop_after=1)
                tenants = sorted({notification.payload for notification in heard})
                if connection.execute(_WAKE, [tenants]).rowcount:
                    self._told()

    def _told(self) -> None:
        try:
            self._send()
        except Exception as error:  # noqa: BLE001  whatever the broker's client raises: it is found by looking
            logger.warning("audit webhooks wait for the broker: %s", type(error).__name__)
