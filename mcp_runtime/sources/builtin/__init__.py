"""Tools that need no upstream."""
