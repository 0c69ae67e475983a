"""SCIM's HTTP: what identity providers call."""
