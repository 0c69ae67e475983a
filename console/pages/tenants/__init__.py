"""A person's tenants."""
