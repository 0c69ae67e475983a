"""Pages of the issuers that a tenant trusts."""
