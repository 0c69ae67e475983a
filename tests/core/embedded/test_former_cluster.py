"""A cluster and the passwords that open it belong together."""

import shutil
from pathlib import Path

import pytest

from core.embedded import postgres
from core.embedded.postgres import PostgresCluster


def test_without_its_passwords_a_former_cluster_is_set_aside_and_a_new_one_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The cluster outlives its state folder where the server cannot enter that one.
    home = tmp_path.parent / f"{tmp_path.name}-home"
    monkeypatch.setattr(postgres.PostgresCluster, "home", home)
    monkeypatch.setattr(postgres.PostgresCluster, "_initdb", _initialised)
    state = tmp_path / "state"
    state.mkdir()
    first = PostgresCluster(state)
    first.prepare()
    first.prepare()
    assert [entry.name for entry in home.iterdir()] == ["data"]
    shutil.rmtree(state)
    state.mkdir()
    PostgresCluster(state).prepare()
    names = sorted(entry.name.partition("-")[0] for entry in home.iterdir())
    assert names == ["data", "data.former"]


def _initialised(cluster: PostgresCluster) -> None:
    """Stands for initdb, which asks for the passwords and writes the version."""
    assert cluster.passwords
    cluster.data.mkdir()
    (cluster.data / "PG_VERSION").write_text("18\n")
