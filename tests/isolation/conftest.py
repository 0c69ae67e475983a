"""The stage of the isolation tests."""

from tests.isolation.stage import _standing, stage, standing_stage

__all__ = ["_standing", "stage", "standing_stage"]
