"""The ASGI shells around the protocol."""
