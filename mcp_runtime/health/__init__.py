"""The health of upstreams: how it is judged, when it is looked at, and what keeps calls from one that is not well."""
