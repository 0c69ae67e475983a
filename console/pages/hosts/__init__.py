"""Pages of host names."""
