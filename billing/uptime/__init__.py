"""Uptime of endpoints: the evidence of each minute, what is made of it, and what it is worth by a plan's terms."""
