"""What `armstrong source` does, inside Django."""
