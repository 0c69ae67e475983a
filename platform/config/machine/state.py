"""The state folder: who runs on it, its secrets, and the environment that other shells find there."""

import fcntl
import json
import os
import secrets
from pathlib import Path

from config.problems import Problem

ENVIRONMENT = "environment.json"
SECRETS = "secrets.json"
LOCK = "lock"


class State:
    """A folder that one platform at a time runs on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None

    def open(self) -> None:
        """Makes the folder and locks it; raises Problem when it cannot be written or another platform runs on it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Problem(
                f"The state folder {self.folder} cannot be written ({error.strerror}). Set ARMSTRONG_STATE to another."
            ) from None
        if not _locked(descriptor):
            owner = os.pread(descriptor, 32, 0).decode().strip()
            os.close(descriptor)
            raise Problem(
                f"The platform is running already on {self.folder} (process {owner}). "
                "Stop it first, or set ARMSTRONG_STATE to another folder."
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock = descriptor

    def owner(self) -> int | None:
        """The process id of the platform that runs on the folder now, if one does."""
        if not self.is_in_use():
            return None
        try:
            return int((self.folder / LOCK).read_text())
        except (OSError, ValueError):
            return None

    def is_in_use(self) -> bool:
        """Whether a platform runs on the folder now."""
        try:
            descriptor = os.open(self.folder / LOCK, os.O_RDWR)
        except OSError:
            return False
        try:
            return not _locked(descriptor)
        finally:
            os.close(descriptor)

    def secret(self, name: str) -> str:
        """The secret `name`, made when it is first asked for."""
        made = self.read(SECRETS)
        if name not in made:
            made[name] = secrets.token_urlsafe(32)
            self.write(SECRETS, made)
        return made[name]

    def read(self, name: str) -> dict[str, str]:
        """The JSON object in the file `name`; empty when there is no such file, or none that parses."""
        try:
            found = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        except PermissionError:
            raise Problem(f"{self.folder / name} belongs to another user. Use the account that made it.") from None
        return found if isinstance(found, dict) else {}

    def write(self, name: str, content: dict[str, str]) -> None:
        """Replaces the file `name` as a whole, readable to us alone."""
        fresh = self.folder / f"{name}.new"
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        fresh.rename(self.folder / name)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def adopt_environment(folder: Path) -> None:
    """Fills what the environment leaves open with what the platform on `folder` runs with."""
    for name, value in State(folder).read(ENVIRONMENT).items():
        if name not in os.environ and f"{name}_FILE" not in os.environ:
            os.environ[name] = value
