"""Protected resource metadata: how a client that knows one address finds where to log in."""

import pytest

from mcp_runtime.worker import Worker
from tests.mcp_runtime.conftest import Stage
from tests.mcp_runtime.driving import Client

WELL_KNOWN = "/.well-known/oauth-protected-resource"
ORIGIN = "http://localhost:8100"


async def test_the_metadata_names_the_tenants_authorization_server(stage: Stage, worker: Worker) -> None:
    answer = await Client(worker, f"{WELL_KNOWN}{stage.path}").send("GET")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json == {
        "resource": f"{ORIGIN}{stage.path}",
        "resource_name": stage.endpoint.name,
        "authorization_servers": [f"http://localhost:8000/oauth/{stage.tenant.id}"],
        "scopes_supported": ["mcp:read", "mcp:call"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "ES384", "Ed25519", "EdDSA", "PS256", "RS256"],
        "dpop_bound_access_tokens_required": False,
    }


async def test_the_challenge_leads_to_it_and_it_is_of_the_address_that_was_asked(stage: Stage, worker: Worker) -> None:
    for transport in ("mcp", "sse"):
        refused = await Client(worker, stage.at(transport)).send("GET")
        challenge = refused.headers["www-authenticate"]
        url = challenge.split('resource_metadata="')[1].split('"')[0]
        told = await Client(worker, url.removeprefix(ORIGIN)).send("GET")
        assert told.json["resource"] == f"{ORIGIN}{stage.at(transport)}"


@pytest.mark.parametrize("path", ["", "/", "/t", "/t/x/y/mcp", "/t/x/y", "/../../etc/passwd", "/t/%00/y/mcp"])
async def test_where_there_is_no_endpoint_there_is_no_metadata(worker: Worker, path: str) -> None:
    answer = await Client(worker, f"{WELL_KNOWN}{path}").send("GET")
    assert answer.status == 404
    assert answer.json["error"]["data"]["refusal"] == "not_found"


async def test_other_verbs_and_preflights(stage: Stage, worker: Worker) -> None:
    client = Client(worker, f"{WELL_KNOWN}{stage.path}")
    assert (await client.send("POST", body=b"{}")).status == 405
    preflight = await client.send("OPTIONS")
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert (await client.send("GET", headers={"host": "evil.example.com"})).status == 421
