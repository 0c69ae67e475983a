"""Tools that send one HTTP request to a service and answer with what comes back."""
