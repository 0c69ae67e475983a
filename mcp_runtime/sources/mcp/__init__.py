"""Upstream MCP servers of every revision, spoken to by a client of our own."""
