"""Names of the channels that notifications travel on; without Django, because workers listen to them."""

TASKS_CHANNEL = "armstrong_tasks"  # payload: the ids of a tenant and of a task that can be run, with a slash between
ENDPOINTS_CHANNEL = "armstrong_endpoints"  # payload: an encoded `mcp_runtime.snapshots.structs.EndpointChanged`
