"""For operators: `armstrong manage <command>`."""
