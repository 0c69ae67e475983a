"""A stateful stand-in for Stripe's API: a process of its own, spoken to over HTTP by the unchanged `stripe` client."""
