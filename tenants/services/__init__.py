"""Writes of people and tenants."""
