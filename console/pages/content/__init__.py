"""The prompts and resources of an endpoint."""
