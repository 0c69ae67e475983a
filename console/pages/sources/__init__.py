"""The sources of an endpoint: upstreams that people add, import, approve and curate."""
