"""The ways in which clients get tokens (RFC 6749 section 1.3). Without Django: workers tell of them too."""

CODE, REFRESH, CLIENT = "authorization_code", "refresh_token", "client_credentials"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANT_TYPES = (CODE, REFRESH, CLIENT, DEVICE, EXCHANGE, ASSERTION)
# For clients alone that prove who they are.
PROVEN_ALONE = frozenset({CLIENT, EXCHANGE, ASSERTION})
