"""Databases whose authors write statements: each becomes a tool, with typed parameters, that can only read."""
