"""A tenant's settings and its REST API keys."""
