"""Tells Django of this app."""

from django.apps import AppConfig


class McpRuntimeConfig(AppConfig):
    """MCP runtime."""

    name = "mcp_runtime"
