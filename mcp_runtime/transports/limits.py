"""How much a worker takes, from whom: read once from the environment."""

from dataclasses import dataclass

from core import environment


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are in bytes, times in seconds; counts are per endpoint in one worker.

    `tenant_calls` is per tenant in one worker, `worker_calls` of all tenants together.
    """

    body_bytes: int = 4 * 1024 * 1024
    body_seconds: float = 30.0
    calls: int = 1_000
    streams: int = 1_000
    tenant_calls: int = 2_000
    worker_calls: int = 4_000
    keep_alive_seconds: float = 15.0

    @classmethod
    def from_environment(cls) -> "Limits":
        """The limits that RUNTIME_MAX_* say; raises BadEnvironment for what is not an integer."""
        default = cls()
        return cls(
            body_bytes=environment.integer("RUNTIME_MAX_BODY_BYTES", default.body_bytes),
            body_seconds=environment.integer("RUNTIME_MAX_BODY_SECONDS", int(default.body_seconds)),
            calls=environment.integer("RUNTIME_MAX_CALLS", default.calls),
            tenant_calls=environment.integer("RUNTIME_MAX_TENANT_CALLS", default.tenant_calls),
            worker_calls=environment.integer("RUNTIME_MAX_WORKER_CALLS", default.worker_calls),
            streams=environment.integer("RUNTIME_MAX_STREAMS", default.streams),
        )
