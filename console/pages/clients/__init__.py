"""MCP clients that were let in by OAuth."""
