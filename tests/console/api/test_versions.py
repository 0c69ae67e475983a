"""Versions over REST."""

from typing import Any

from tests.conftest import unique
from tests.console.api.conftest import Keys

ECHO: dict[str, Any] = {"source": "builtin", "name": "echo", "config": {"function": "echo"}}


def test_a_version_is_held_compared_and_let_go(keys: Keys) -> None:
    slug = unique("e")
    keys.developer.post("/endpoints", slug=slug, name="Weather")
    path = f"/endpoints/{slug}"
    (first,) = keys.viewer.get(f"{path}/versions").body["items"]
    keys.developer.post(f"{path}/tools", **ECHO)
    listed = keys.viewer.get(f"{path}/versions").body
    assert (listed["held_version"], listed["preview_url"]) == (None, None)
    latest = listed["items"][0]["version"]
    compared = keys.viewer.get(f"{path}/versions/{first['version']}/{latest}").body
    assert compared["tools"] == {"added": ["echo"], "changed": [], "removed": []}
    held = keys.developer.put(f"{path}/versions/held", version=first["version"])
    assert (held.status, held.body["held_version"]) == (200, first["version"])
    assert held.body["preview_url"].endswith(f"/{slug}/preview/mcp")
    assert keys.developer.delete(f"{path}/versions/held").status == 204
    assert keys.viewer.get(f"{path}/versions").body["held_version"] is None


def test_what_is_no_version_is_refused(keys: Keys) -> None:
    slug = unique("e")
    keys.developer.post("/endpoints", slug=slug, name="Weather")
    path = f"/endpoints/{slug}/versions"
    assert keys.developer.put(f"{path}/held", version=999).code == "not_found"
    assert keys.developer.put(f"{path}/held", version="1").code == "invalid_input"
    assert keys.developer.put(f"{path}/held", version=10**30).code == "invalid_input"
    assert keys.viewer.put(f"{path}/held", version=1).code == "permission_denied"
    assert keys.viewer.get(f"{path}/1/999").code == "not_found"
