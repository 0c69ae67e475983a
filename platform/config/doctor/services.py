"""What the platform stands on while it runs: settings, database, row level security, tables, broker, static files."""

import time
from collections.abc import Iterator

import redis
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.checks.messages import ERROR
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError

from config.doctor.finding import Finding, broken, well
from config.problems import Problem
from config.roles.django_process import set_up
from core.environment import BadEnvironment
from core.rls import TenantIsolation

SECONDS = 5.0
LARGEST_SKEW_SECONDS = 5.0  # keys and sessions expire by the clock

ROLE_SQL = """
    SELECT current_user, r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, d.datdba, 'USAGE'),
           extract(epoch FROM now())
    FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""
SECURED_SQL = "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relrowsecurity AND relforcerowsecurity"


def examine_services() -> Iterator[Finding]:
    """A finding for each; what stands on something broken is not looked at."""
    try:
        set_up()
    except (Problem, BadEnvironment) as problem:
        yield broken("settings", str(problem), "Set it as the message says.")
        return
    yield _settings()
    try:
        yield from _database()
        yield _row_security()
        yield _tables()
    except DatabaseError as error:
        yield broken("database", str(error).strip(), "Start it, or correct DATABASE_URL.")
    yield _broker()
    yield _static_files()


def _settings() -> Finding:
    errors = [message for message in run_checks() if message.level >= ERROR]
    if errors:
        return broken("settings", "; ".join(error.msg for error in errors), "Correct the code or its settings.")
    return well("settings", f"the console's address is {settings.CONSOLE_URL}, the runtime's {settings.RUNTIME_URL}")


def _database() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(ROLE_SQL)
        role, unbound, now = cursor.fetchone()
    skew = abs(time.time() - float(now))
    if unbound:
        advice = "Name a role in DATABASE_URL that only uses the tables: row level security does not bind this one."
        yield broken("database", f"the role {role} is a superuser or the database's owner", advice)
    else:
        yield well("database", f"reached as {role}, which is neither superuser nor owner")
    if skew > LARGEST_SKEW_SECONDS:
        yield broken("clock", f"{skew:.0f} s away from the database's", "Set both by NTP.")
    else:
        yield well("clock", "the same as the database's")


def _row_security() -> Finding:
    wanted = {
        model._meta.db_table
        for model in apps.get_models()
        if any(isinstance(constraint, TenantIsolation) for constraint in model._meta.constraints)
    }
    with connection.cursor() as cursor:
        cursor.execute(SECURED_SQL)
        secured = {row[0] for row in cursor.fetchall()}
    if missing := sorted(wanted - secured):
        advice = "Run `armstrong migrate`; if that changes nothing, somebody switched it off by hand."
        return broken("row security", f"not forced on {', '.join(missing)}", advice)
    return well("row security", f"forced on all {len(wanted)} tables of tenants")


def _tables() -> Finding:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        return broken("tables", f"{len(plan)} migrations are not applied", "Run `armstrong migrate`.")
    return well("tables", "every migration is applied")


def _broker() -> Finding:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS)
    try:
        client.ping()
    except redis.RedisError as error:
        return broken("broker", str(error), "Start it, or correct REDIS_URL.")
    finally:
        client.close()
    return well("broker", "answers")


def _static_files() -> Finding:
    if not (settings.STATIC_ROOT / "staticfiles.json").exists():
        advice = "Run `armstrong manage collectstatic --noinput`; `armstrong up` does it by itself."
        return broken("static files", f"not collected to {settings.STATIC_ROOT}", advice)
    return well("static files", f"collected to {settings.STATIC_ROOT}")
