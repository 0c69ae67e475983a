"""Upstreams as a worker serves them: opened, guarded, closed when they are replaced."""
