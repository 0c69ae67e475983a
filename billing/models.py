"""What billing stores."""

from billing.ledger.models import UsageDue, UsageEvent, UsageHour, UsageKept, UsageWatermark

__all__ = ["UsageDue", "UsageEvent", "UsageHour", "UsageKept", "UsageWatermark"]
