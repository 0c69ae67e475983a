"""OAuth connections of a tenant's upstreams."""
