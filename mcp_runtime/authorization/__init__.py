"""Who calls: from what a request presents to a principal of the endpoint."""
