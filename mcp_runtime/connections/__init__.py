"""OAuth connections as the data plane uses them: which token, whether it is fresh, and new ones in time."""
