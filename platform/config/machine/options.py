"""What the environment says of how `armstrong up` runs."""

from dataclasses import dataclass
from pathlib import Path

from config.problems import Problem
from core import environment

MAXIMUM_PORT = 65_535
MAXIMUM_WORKERS = 64


@dataclass(frozen=True, slots=True)
class Options:
    """Ports, folder and addresses. Without a URL for database or broker, the embedded one is used."""

    state: Path
    bind: str
    console_port: int
    runtime_port: int
    operations_port: int
    runtime_workers: int
    console_url: str
    runtime_url: str
    database_url: str
    database_owner_url: str
    redis_url: str
    secret_key: str

    @classmethod
    def from_environment(cls) -> "Options":
        """Reads the environment; raises Problem or BadEnvironment for a value that makes no sense."""
        console_port, runtime_port = _port("CONSOLE_PORT", 8000), _port("RUNTIME_PORT", 8100)
        return cls(
            state=state_folder(),
            bind=environment.text("ARMSTRONG_BIND", "127.0.0.1"),
            console_port=console_port,
            runtime_port=runtime_port,
            operations_port=_port("OPS_PORT", 9100),
            runtime_workers=_between("RUNTIME_WORKERS", 2, 1, MAXIMUM_WORKERS),
            console_url=environment.text("CONSOLE_URL", f"http://localhost:{console_port}").rstrip("/"),
            runtime_url=environment.text("RUNTIME_URL", f"http://localhost:{runtime_port}").rstrip("/"),
            database_url=environment.optional_secret("DATABASE_URL"),
            database_owner_url=environment.optional_secret("DATABASE_OWNER_URL"),
            redis_url=environment.optional_secret("REDIS_URL"),
            secret_key=environment.optional_secret("ARMSTRONG_SECRET_KEY"),
        )

    @property
    def ports(self) -> dict[str, int]:
        """The ports that `up` listens on, by the variable that chooses each."""
        return {
            "CONSOLE_PORT": self.console_port,
            "RUNTIME_PORT": self.runtime_port,
            "OPS_PORT": self.operations_port,
        }

    def reachable(self, port: int) -> str:
        """The address of one of our ports from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.bind, self.bind)  # noqa: S104  compared, not bound
        return f"http://{host}:{port}"


def state_folder() -> Path:
    """The folder that keeps the platform's state on this machine."""
    return Path(environment.text("ARMSTRONG_STATE", "var")).absolute()


def _port(name: str, default: int) -> int:
    return _between(name, default, 1, MAXIMUM_PORT)


def _between(name: str, default: int, lowest: int, highest: int) -> int:
    value = environment.integer(name, default)
    if not lowest <= value <= highest:
        raise Problem(f"{name}={value} is not between {lowest} and {highest}.")
    return value
