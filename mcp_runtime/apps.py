"""Tells Django of this app."""

from django.apps import AppConfig
from django.utils.module_loading import import_string


class McpRuntimeConfig(AppConfig):
    """MCP runtime."""

    name = "mcp_runtime"

    def ready(self) -> None:
        """Registers what people leave behind here and who hears of billing: by name, as models come later."""
        import_string("billing.notices.notices_register")(import_string("mcp_runtime.services.alerts.notice_write"))
        register = import_string("tenants.leaving.ender_register")
        for ender in ("access_keys_end", "tasks_end", "boards_end"):
            register(import_string(f"mcp_runtime.services.leaving.{ender}"))
