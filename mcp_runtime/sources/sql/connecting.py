"""Opening a connection to a PostgreSQL server: over TCP, to an address that was checked, with nothing of our own."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from core.outbound import Client, FetchFailed, resolve_allowed
from core.refusals import Refused
from mcp_runtime.sources.sql.bounded import BoundedConnection
from mcp_runtime.sources.sql.columns import adapters
from mcp_runtime.sources.sql.config import PostgresConfig
from mcp_runtime.sources.upstream import Health, UpstreamFailed

PORTS = frozenset({5432})
CONNECT_SECONDS = 5
ADDRESSES = 3
VERIFYING = frozenset({"verify-ca", "verify-full"})
# Where systems keep the authorities that they trust, in one file, which is what libpq reads.
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
# What servers say after a password was sent, besides that it is wrong (PostgreSQL's postinit.c).
OTHER_REASONS = ("does not exist", "too many", "permission denied", "not currently accepting", "remaining connection")
NO_AUTHORITIES = f"{os.devnull}/none"  # a file that is there would turn `require` into `verify-ca`
ADAPTERS = adapters()


async def connect(client: Client, config: PostgresConfig, password: str) -> BoundedConnection:
    """A connection that was authenticated with the password. Raises UpstreamFailed."""
    if not password:
        raise UpstreamFailed("The database's password is not stored.", Health.NEEDS_LOGIN)
    try:
        addresses = await resolve_allowed(client, "postgresql", config.host, config.port, ports=PORTS)
    except (Refused, FetchFailed) as failure:
        raise UpstreamFailed(str(failure)) from None
    with _authorities(config) as file:
        connection = await _opened(config, password, addresses[:ADDRESSES], file)
    if connection.pgconn.parameter_status(b"is_superuser") == b"on":
        connection.drop()
        raise UpstreamFailed(
            "The database user is a superuser, for whom nothing is read-only: connect with one who may only read.",
            Health.DENIED,
        )
    return connection


async def _opened(config: PostgresConfig, password: str, addresses: list[str], file: str) -> BoundedConnection:
    try:
        return await BoundedConnection.connect(
            autocommit=True,
            prepare_threshold=None,
            context=ADAPTERS,
            **_parameters(config, password, addresses, file),  # type: ignore[arg-type]  # strings, as libpq has them
        )
    except psycopg.Error as error:
        raise _failure(config, error) from None


def _parameters(config: PostgresConfig, password: str, addresses: list[str], file: str) -> dict[str, str]:
    # Each is given, since libpq takes those that are not from PG* variables and files of the process's own user.
    cleartext = "" if config.sslmode == "disable" else ",password"
    return {
        "host": ",".join([config.host] * len(addresses)),
        "hostaddr": ",".join(addresses),
        "port": str(config.port),
        "dbname": config.database,
        "user": config.user,
        "password": password,
        "passfile": os.devnull,
        "sslmode": config.sslmode,
        "sslrootcert": file,
        "sslcertmode": "disable",
        "sslnegotiation": "postgres",
        "gssencmode": "disable",
        # A server that asks for no password, or on an open line for the password itself, is not the one that was meant.
        "require_auth": f"scram-sha-256,md5{cleartext}",
        "channel_binding": "prefer",
        "target_session_attrs": "any",
        "load_balance_hosts": "disable",
        "options": " ",
        "application_name": "armstrong",
        "client_encoding": "UTF8",
        "connect_timeout": str(CONNECT_SECONDS),
    }


@contextmanager
def _authorities(config: PostgresConfig) -> Iterator[str]:
    """The path of a file with the certificates to trust, there while a connection is made."""
    if not config.certificates:
        yield _system_authorities() if config.sslmode in VERIFYING else NO_AUTHORITIES
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(config.certificates)
        file.flush()
        yield file.name


def _system_authorities() -> str:
    named = ssl.get_default_verify_paths().cafile
    return next((path for path in (named, *AUTHORITIES) if path and Path(path).is_file()), "system")


def _failure(config: PostgresConfig, error: psycopg.Error) -> UpstreamFailed:
    """What a failed connection says of the database; the server's own words go no further."""
    text, host = str(error), config.host
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return UpstreamFailed(f"{host} did not answer within {CONNECT_SECONDS} s.")
    if "certificate" in text or "SSL" in text:
        return UpstreamFailed(f"No TLS connection to {host} could be made: check its certificate and sslmode.")
    if "permission denied for database" in text or "pg_hba.conf" in text:
        return UpstreamFailed(f"{host} lets this user not into this database.", Health.DENIED)
    if "database" in text and "does not exist" in text:
        return UpstreamFailed(f"{host} has no database of this name.")
    answered = error.pgconn is not None and error.pgconn.used_password
    if "authentication failed" in text or (answered and not any(reason in text for reason in OTHER_REASONS)):
        return UpstreamFailed(f"{host} does not take this user and password.", Health.NEEDS_LOGIN)
    if "too many" in text or "remaining connection" in text:
        return UpstreamFailed(f"{host} has too many connections.", Health.DEGRADED)
    return UpstreamFailed(f"No connection to {host} could be made.")
