"""The models of MCP endpoints, one noun a module."""

from mcp_runtime.models.access_key import AccessKey
from mcp_runtime.models.content import Prompt, Resource
from mcp_runtime.models.endpoint import Access, Endpoint, TaskSupport, Tool
from mcp_runtime.models.published import EndedSession, PublishedEndpoint
from mcp_runtime.models.quota import CallBudget, ConnectionLease, RequestBudget
from mcp_runtime.models.task import Task, TaskSchedule, TaskStatus

__all__ = [
    "Access",
    "AccessKey",
    "CallBudget",
    "ConnectionLease",
    "EndedSession",
    "Endpoint",
    "Prompt",
    "PublishedEndpoint",
    "RequestBudget",
    "Resource",
    "Task",
    "TaskSchedule",
    "TaskStatus",
    "TaskSupport",
    "Tool",
]
