"""Joe Armstrong AGI MCP: wiring. Imports everything, imported by nobody."""
