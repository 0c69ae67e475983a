"""What was called."""
