"""OpenID Connect as a relying party."""
