"""A tenant at a glance."""
