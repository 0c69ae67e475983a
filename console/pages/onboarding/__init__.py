"""The way from an account to the first tool call."""
