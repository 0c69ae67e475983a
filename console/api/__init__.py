"""The REST API: routers that parse, call one service inside a tenant's context, and render."""
