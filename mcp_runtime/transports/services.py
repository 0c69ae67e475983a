"""What all transports of a worker share."""

from dataclasses import dataclass

from mcp_runtime.metering.meter import Meter
from mcp_runtime.protocol.sessions import SessionTokens
from mcp_runtime.protocol.tasks import TaskKeeper
from mcp_runtime.transports.calls import Calls
from mcp_runtime.transports.limits import Limits
from mcp_runtime.transports.signals import Signals


@dataclass(frozen=True, slots=True)
class Services:
    """One of each."""

    sessions: SessionTokens
    tasks: TaskKeeper
    signals: Signals
    calls: Calls
    limits: Limits
    meter: Meter
