"""Resale: what a tenant sells, and what it brought."""
