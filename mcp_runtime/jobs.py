"""Jobs by their names, so that services can ask for one without importing what it does."""

RUN_IMPORT = "mcp_runtime.run_import"
LOOK_AT_UPTIME = "mcp_runtime.look_at_uptime"
PROBE_UPSTREAMS = "mcp_runtime.probe_upstreams"
