"""Our runtime: one worker, configured by the environment."""

from mcp_runtime.worker import Worker

app = Worker()
