"""Resale: tenants sell their own endpoints and tools, through accounts of theirs at Stripe (Connect)."""
