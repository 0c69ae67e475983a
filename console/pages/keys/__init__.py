"""The access keys of an endpoint."""
