"""The models of MCP endpoints, one noun a module."""

from mcp_runtime.models.access_key import AccessKey
from mcp_runtime.models.alert import Alert, AlertChannel, AlertDue, AlertKind, AlertSubject
from mcp_runtime.models.content import Prompt, Resource
from mcp_runtime.models.endpoint import Access, Endpoint, LoginsAt, TaskSupport, Tool
from mcp_runtime.models.health import BoardState, Evidence, HealthEvent, Watch, board_state
from mcp_runtime.models.published import EndedSession, EndpointVersion, PublishedEndpoint
from mcp_runtime.models.quota import CallBudget, ConnectionLease, RequestBudget
from mcp_runtime.models.task import Task, TaskSchedule, TaskStatus
from mcp_runtime.models.tool_rule import ToolRule
from mcp_runtime.models.upstream import (
    Definition,
    Form,
    HealthState,
    ImportRun,
    ImportSchedule,
    RunState,
    Upstream,
    UpstreamSchedule,
)

__all__ = [
    "Access",
    "AccessKey",
    "Alert",
    "AlertChannel",
    "AlertDue",
    "AlertKind",
    "AlertSubject",
    "BoardState",
    "CallBudget",
    "ConnectionLease",
    "Definition",
    "EndedSession",
    "Endpoint",
    "EndpointVersion",
    "Evidence",
    "Form",
    "HealthEvent",
    "HealthState",
    "ImportRun",
    "ImportSchedule",
    "LoginsAt",
    "Prompt",
    "PublishedEndpoint",
    "RequestBudget",
    "Resource",
    "RunState",
    "Task",
    "TaskSchedule",
    "TaskStatus",
    "TaskSupport",
    "Tool",
    "ToolRule",
    "Upstream",
    "UpstreamSchedule",
    "Watch",
    "board_state",
]
