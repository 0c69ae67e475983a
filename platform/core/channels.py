"""Names of the channels that notifications travel on; without Django, because workers listen to them."""

ENDPOINTS_CHANNEL = "armstrong_endpoints"  # payload: an encoded `mcp_runtime.snapshots.structs.EndpointChanged`
