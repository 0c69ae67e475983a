"""Who is told when an upstream's state changes."""
