"""One module per protocol revision."""
