"""The tools of an endpoint."""
