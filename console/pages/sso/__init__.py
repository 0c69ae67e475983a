"""Single sign-on: how people come in by it, and how a tenant sets it up."""
