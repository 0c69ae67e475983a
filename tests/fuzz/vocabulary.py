"""The words that get far into the protocol, and the values that trouble those who read them."""

from typing import Any

from mcp_runtime.protocol.revisions import ALL
from mcp_runtime.protocol.stateless import CAPABILITIES_KEY, VERSION_KEY
from mcp_runtime.protocol.tasks import EXTENSION_ID
from mcp_runtime.sources.conformance.catalogue import PROMPTS, RESOURCES
from mcp_runtime.sources.conformance.source import ASKING_PROMPT
from tests.fuzz.endpoint import TEMPLATES, USED
from tests.fuzz.keeping import STATUSES

METHODS = [
    *sorted({method for revision in ALL.values() for method in revision.methods}),
    "notifications/cancelled", "notifications/initialized", "notifications/progress", "tasks/get", "tasks/update",
    "tasks/cancel", "no/such",
]  # fmt: skip
VERSIONS = [*ALL, "2024-11-05", "2099-01-01", ""]
NAMES = [
    "echo",
    "promises",
    "broken",
    "may_last",
    "has_to_last",
    *USED,
    *(draft.name for draft in PROMPTS),
    ASKING_PROMPT,
]
URIS = [
    *(draft.uri for draft in RESOURCES), *TEMPLATES, "test://template/7/data", "notes://2026-11-22",
    "files:///a/of/of/b/of/c.txt", "x://" + "a" * 900 + " ", "x://abc/d", "notes://" + "-" * 900,
]  # fmt: skip
MEMBERS = [
    "jsonrpc", "id", "taskId", "taskIds", "task", "extensions", "method", "params", "result", "error", "_meta",
    "name", "arguments", "uri", "cursor", "level", "ref", "argument", "context", "value", "type", "notifications",
    "resourceSubscriptions", "toolsListChanged", "requestState", "inputResponses", "requestId", "progressToken",
    "capabilities", "clientInfo", "protocolVersion", "action", "content", "role", "roots", "step1", "user_name",
    "greeting", "client_roots", "region", "count", "flag", "deep", "er", "tree", "traceparent",
    "io.modelcontextprotocol/logLevel", "io.modelcontextprotocol/clientInfo", VERSION_KEY, CAPABILITIES_KEY, "",
    "__proto__", 'a"b', "a\\b", "é", "\x00",
]  # fmt: skip
WORDS = [
    "2.0", "accept", "decline", "debug", "emergency", "loud", "ref/prompt", "ref/resource", "user", "file:///",
    "@state", "@cursor-tools", "@cursor-prompts", "@session", "true", "42.0", "=?base64?SGk=?=", "=?base64??=",
    "{name}", "../..", "%2e%2e%2f", "\u202e", "\u0000", "😀", "x" * 300, "a" * 40 + "c", "'; DROP TABLE x; --",
    "\r\nX: y", "", *STATUSES,
]  # fmt: skip
SCALARS: list[Any] = [
    None, True, False, 0, 1, -1, 42, 2**31, 2**53, 2**53 + 1, -(2**53), 2**63, 2**64, -(2**70), 10**400, 0.0, -0.0, 1.5,
    42.0, 1e308, 5e-324, *WORDS, *METHODS, *VERSIONS, *NAMES, *URIS,
]  # fmt: skip
EVERYTHING: dict[str, Any] = {
    "elicitation": {"form": {}},
    "sampling": {},
    "roots": {},
    "extensions": {EXTENSION_ID: {}},
}
META: dict[str, Any] = {VERSION_KEY: "2026-07-28", CAPABILITIES_KEY: EVERYTHING}
HEADERS = [
    "mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id", "mcp-param-region", "mcp-param-count",
    "mcp-param-flag", "mcp-param-deep", "mcp-param-other",
]  # fmt: skip
