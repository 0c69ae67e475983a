"""From calls to money: periods, what calls beyond those included cost, caps and alerts, and what Stripe is told."""
