"""Issuers of access tokens that a tenant trusts: added, changed, removed, and their keys."""
