"""Versions of what an endpoint offers."""
