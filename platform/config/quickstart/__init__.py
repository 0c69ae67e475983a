"""The demo tenant of a first run: making it, checking that it works, and telling how to use it."""
