"""Where the database and the broker are: embedded ones under the state folder, or those that the environment names."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from config.machine.state import State
from config.problems import Problem
from core.embedded import roles

CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Access:
    """How the platform reaches its database. Without `owner_url` nobody here may migrate."""

    url: str
    owner_url: str


def given_database(url: str, owner_url: str, state: State) -> Access:
    """The access through a database that somebody else runs; raises Problem when it cannot be used as it is.

    A role that may make roles makes the platform's two, and is not used after that: row security does not bind it.
    """
    rights = _rights(url)
    if rights.is_bound:
        return Access(url, owner_url)
    if not rights.may_make_roles:
        raise Problem(
            f"The role {rights.role} of DATABASE_URL owns the database, so row level security does not bind it, and it "
            "may not make other roles. Name a role that only uses the tables, and the owner in DATABASE_OWNER_URL; "
            "or name a superuser once, and the platform makes both."
        )
    passwords = {role: state.secret(role) for role in (roles.OWNER, roles.APPLICATION)}
    try:
        roles.provision(
            url,
            database=rights.database,
            owner_password=passwords[roles.OWNER],
            app_password=passwords[roles.APPLICATION],
        )
    except psycopg.Error as error:
        raise Problem(f"The role {rights.role} of DATABASE_URL cannot make the platform's roles: {error}") from None
    return Access(
        url=_as_role(url, roles.APPLICATION, passwords[roles.APPLICATION]),
        owner_url=_as_role(url, roles.OWNER, passwords[roles.OWNER]),
    )


@dataclass(frozen=True, slots=True)
class Rights:
    """What the role of a URL may do in its database."""

    role: str
    database: str
    is_bound: bool  # by row level security: neither superuser nor owner, and without BYPASSRLS
    may_make_roles: bool


RIGHTS_SQL = """
    SELECT r.rolname, d.datname,
           NOT (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR pg_has_role(r.oid, d.datdba, 'USAGE')),
           r.rolsuper OR r.rolcreaterole
    FROM pg_roles r, pg_database d
    WHERE r.rolname = current_user AND d.datname = current_database()
"""


def _rights(url: str) -> Rights:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
            row = connection.execute(RIGHTS_SQL).fetchone()
    except psycopg.Error as error:
        raise Problem(f"DATABASE_URL does not lead to a database: {str(error).strip()}") from None
    if row is None:
        raise Problem("DATABASE_URL leads to a database that does not know its own role.")
    return Rights(*row)


def _as_role(url: str, role: str, password: str) -> str:
    scheme, network, *rest = urlsplit(url)
    host = network.rpartition("@")[2]
    return urlunsplit((scheme, f"{quote(role)}:{quote(password, safe='')}@{host}", *rest))


def readiness(is_ready: Callable[[], bool], provision: Callable[[], None]) -> Callable[[], bool]:
    """Whether an embedded server answers; when it first does, `provision` has been run."""
    provisioned = False

    def ready() -> bool:
        nonlocal provisioned
        if not is_ready():
            return False
        if not provisioned:
            provision()
            provisioned = True
        return True

    return ready
