"""Tools that call an HTTP service."""
