"""Host names of tenants: `<tenant>.<domain>`, and those that they bring along for single endpoints."""
