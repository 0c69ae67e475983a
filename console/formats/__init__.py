"""How dates read, for Django's own filters."""
