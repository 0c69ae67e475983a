"""The house stands as ARCHITECTURE.md says: `platform/` is a source root and shadows nothing."""

import importlib
import platform
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_platform_is_the_standard_library_module() -> None:
    assert Path(platform.__file__).parent == Path(sysconfig.get_paths()["stdlib"])


def test_the_platform_folder_holds_exactly_config_and_core() -> None:
    entries = {entry.name for entry in (ROOT / "platform").iterdir() if entry.name != "__pycache__"}
    assert entries == {"config", "core"}


@pytest.mark.parametrize("name", ["config", "core", "console", "mcp_runtime", "billing", "tenants"])
def test_each_of_our_packages_is_ours(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT)


def test_the_tests_hold_no_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
