"""The vault: what tenants' upstreams are reached with, sealed under a key of each tenant's own."""
