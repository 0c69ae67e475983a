"""One module per role of `armstrong serve`: its process, from environment to exit status."""
