"""The registry of extensions: what an endpoint offers is declared and answered, and nothing else is."""

import json
from typing import Any

import pytest

from mcp_runtime.protocol import extensions
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.extension import Extension
from mcp_runtime.protocol.headers import RequestHeaders
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.revisions import ALL
from mcp_runtime.protocol.wire import Wire
from tests.mcp_runtime.protocol.stage import ALICE, NO_KEEPER, make_endpoint, tool

ID = "com.example/greeting"
PLAIN = ALL["2026-07-28"]


def _greeting(**members: Any) -> Extension:
    whole: dict[str, Any] = {
        "id": ID,
        "version": "1",
        "revisions": frozenset({"2026-07-28"}),
        "settings": lambda endpoint: {"loud": True} if "echo" in endpoint.tools else None,
        "methods": {"greetings/get": lambda _exchange: b'{"hello":1}'},
        "mirrored": {"greetings/get": "who"},
    }
    return Extension(**{**whole, **members})


def _asked(extension: Extension, *tools: str, capabilities: dict[str, Any] | None = None) -> Exchange:
    endpoint = make_endpoint(*(tool(name) for name in tools))
    return Exchange(PLAIN, (), endpoint, ALICE, RequestHeaders(()), "greetings/get", {}, capabilities or {}, NO_KEEPER)


def test_a_revision_knows_the_extensions_that_apply_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "ALL", (_greeting(),))
    newest, former = extensions.extended(ALL["2026-07-28"]), extensions.extended(ALL["2025-11-25"])
    assert "greetings/get" in newest.methods
    assert newest.mirrored["greetings/get"] == "who"
    assert "greetings/get" not in former.methods
    assert former.extensions == ()


def test_an_endpoint_declares_what_it_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "ALL", (_greeting(),))
    revision = extensions.extended(PLAIN)
    offering, other = make_endpoint(tool("echo")), make_endpoint(tool("other"))
    assert json.loads(Wire(offering, revision).description({}))["capabilities"]["extensions"][ID] == {"loud": True}
    assert ID not in json.loads(Wire(other, revision).description({}))["capabilities"].get("extensions", {})


def test_a_method_of_an_extension_that_is_not_offered_is_unknown() -> None:
    extension = _greeting()
    method = extension.guarded()["greetings/get"]
    assert method(_asked(extension, "echo")) == b'{"hello":1}'
    with pytest.raises(RpcError, match="Method not found") as caught:
        method(_asked(extension, "other"))
    assert caught.value.code == -32601


@pytest.mark.parametrize("capabilities", [{}, {"extensions": {}}, {"extensions": []}, {"extensions": {ID: None}}])
def test_an_extension_that_must_be_declared_refuses_who_did_not(capabilities: dict[str, Any]) -> None:
    extension = _greeting(must_be_declared=True)
    with pytest.raises(RpcError, match="Missing required") as caught:
        extension.guarded()["greetings/get"](_asked(extension, "echo", capabilities=capabilities))
    assert caught.value.code == -32021
    assert caught.value.data == {"requiredCapabilities": {"extensions": {ID: {}}}}


def test_who_declared_an_extension_is_answered() -> None:
    extension = _greeting(must_be_declared=True)
    declared = _asked(extension, "echo", capabilities={"extensions": {ID: {}}})
    assert extension.guarded()["greetings/get"](declared) == b'{"hello":1}'
