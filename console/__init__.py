"""The web console and the REST API."""
