"""Single sign-on: identity providers of tenants, and who they let in."""
