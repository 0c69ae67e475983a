"""What the official conformance suite asks of a server, made of the same parts as any tenant's endpoint."""
