"""Stripe: what is sold there, who pays, what it tells us, and the mirror of it that pages read."""
