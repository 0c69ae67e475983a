"""Names of the channels that notifications travel on; without Django, because workers listen to them."""

AUDIT_CHANNEL = "armstrong_audit"  # payload: the id of a tenant whose audit log got events, and who has webhooks
TASKS_CHANNEL = "armstrong_tasks"  # payload: the ids of a tenant and of a task that can be run, with a slash between
ENDPOINTS_CHANNEL = "armstrong_endpoints"  # payload: an encoded `mcp_runtime.snapshots.structs.EndpointChanged`
