"""Writes of MCP endpoints: each runs inside a tenant context."""
