"""Uptime: what members see of it, and what a tenant shows to everybody."""
