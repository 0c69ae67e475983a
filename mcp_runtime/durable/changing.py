"""What every change of a task begins and ends with: its schedule is locked first, and the workers are told."""

from core.channels import ENDPOINTS_CHANNEL
from mcp_runtime.lines import Connection
from mcp_runtime.snapshots.structs import EndpointChanged, encode

_HOLD = "SELECT 1 FROM mcp_runtime_taskschedule WHERE task_id = %s FOR UPDATE"
_SLUG = "SELECT slug FROM mcp_runtime_endpoint WHERE tenant_id = %s AND id = %s"


async def hold(connection: Connection, task_id: str) -> None:
    """Locks a task's schedule: before its row, always, so that two who change the same task never block each other."""
    await connection.execute(_HOLD, (task_id,))


async def announce(connection: Connection, tenant_id: str, endpoint_id: str, task_id: str) -> None:
    """Tells every worker on commit. Runs in the tenant's context."""
    row = await (await connection.execute(_SLUG, (tenant_id, endpoint_id))).fetchone()
    if row is not None:
        change = EndpointChanged(tenant_id=tenant_id, endpoint=row[0], task=task_id)
        await connection.execute("SELECT pg_notify(%s, %s)", (ENDPOINTS_CHANNEL, encode(change).decode()))
