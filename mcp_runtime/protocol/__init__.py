"""MCP without I/O: messages in messages out."""
