"""The tenant's authorization server, and what workers know in order to let its tokens in."""
