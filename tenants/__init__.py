"""People, tenants, memberships, invitations and the keys of the REST API."""
