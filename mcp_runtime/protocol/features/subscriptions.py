"""Hearing of changes: resources/subscribe up to 2025-11-25, subscriptions/listen from 2026-07-28 on."""

from typing import Any

from mcp_runtime.protocol import errors, tasks
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.extension import is_declared, undeclared
from mcp_runtime.protocol.features.resources import missing
from mcp_runtime.protocol.revision import Exchange, Listening, Signal
from mcp_runtime.protocol.sessions import digest
from mcp_runtime.protocol.signals import SUBSCRIBED, UNSUBSCRIBED

MAXIMUM_RESOURCES = 1_000
MAXIMUM_CHARACTERS = 32 * 1024  # of all URIs together: each is looked for in every template
MAXIMUM_TASKS = 100
LISTS = {"toolsListChanged": "tools", "promptsListChanged": "prompts", "resourcesListChanged": "resources"}
# The few sets of these, once each: a set is as large as all else that an open stream keeps of its request.
_sets_of_lists: dict[frozenset[str], frozenset[str]] = {}


def subscribe(exchange: Exchange) -> Signal:
    """Has the session hear of a resource's changes. Raises RpcError for one that is not there."""
    uri = _uri(exchange)
    if exchange.endpoint.resource_at(exchange.principal, uri) is None:
        raise missing(exchange, uri)
    return Signal(SUBSCRIBED, digest(exchange.session), {"uri": uri})


def unsubscribe(exchange: Exchange) -> Signal:
    """Ends a subscription; one that is not there has ended already."""
    return Signal(UNSUBSCRIBED, digest(exchange.session), {"uri": _uri(exchange)})


def _uri(exchange: Exchange) -> str:
    uri = exchange.params.get("uri")
    if type(uri) is not str:
        raise RpcError(errors.INVALID_PARAMS, "params.uri is a string.")
    return uri


def listen(exchange: Exchange) -> Listening:
    """A stream of the changes that the client asks for, and may hear of. Raises RpcError(INVALID_PARAMS)."""
    wanted = exchange.params.get("notifications")
    if type(wanted) is not dict or any(type(wanted.get(name, False)) is not bool for name in LISTS):
        raise RpcError(errors.INVALID_PARAMS, "params.notifications says true or false for each list.")
    uris = wanted.get("resourceSubscriptions", [])
    if type(uris) is not list or len(uris) > MAXIMUM_RESOURCES or any(type(uri) is not str for uri in uris):
        raise RpcError(errors.INVALID_PARAMS, f"resourceSubscriptions: at most {MAXIMUM_RESOURCES} URIs.")
    if sum(map(len, uris)) > MAXIMUM_CHARACTERS:
        raise RpcError(errors.INVALID_PARAMS, f"resourceSubscriptions: at most {MAXIMUM_CHARACTERS} characters.")
    readable = [uri for uri in uris if exchange.endpoint.resource_at(exchange.principal, uri) is not None]
    lists = frozenset(kind for name, kind in LISTS.items() if wanted.get(name))
    lists = _sets_of_lists.setdefault(lists, lists)
    return Listening(exchange, lists, frozenset(readable), _tasks(exchange, wanted))


def _tasks(exchange: Exchange, wanted: dict[str, Any]) -> frozenset[str]:
    """The tasks to hear of (ext-tasks "Notifications"); whose they are is for the keeper to say."""
    if "taskIds" not in wanted:
        return frozenset()
    if not is_declared(tasks.EXTENSION_ID, exchange.capabilities):
        raise undeclared(tasks.EXTENSION_ID)
    ids = wanted["taskIds"]
    if type(ids) is not list or len(ids) > MAXIMUM_TASKS or any(type(task_id) is not str for task_id in ids):
        raise RpcError(errors.INVALID_PARAMS, f"taskIds: at most {MAXIMUM_TASKS} ids.")
    return frozenset(ids)
