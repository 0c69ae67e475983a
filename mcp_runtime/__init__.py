"""MCP endpoints: what they are made of (control plane) and how calls reach them (data plane)."""
