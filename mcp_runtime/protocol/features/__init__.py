"""What the methods of MCP do, a feature each; every revision picks from them."""
