"""Calls that outlive their request: kept in PostgreSQL, run by Celery, and run again when a process dies."""
