"""Notifications that commit together with the change they tell of (PostgreSQL NOTIFY)."""

from django.db import connection


def notify(channel: str, payload: str) -> None:
    """Sends `payload` (under 8,000 bytes, PostgreSQL's limit) to the listeners when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [channel, payload])
