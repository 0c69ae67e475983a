"""The HTTP of tenants' authorization servers, at the console's origin."""
