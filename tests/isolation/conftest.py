"""The stage of the isolation tests."""

from tests.isolation.stage import stage, standing_stage

__all__ = ["stage", "standing_stage"]
