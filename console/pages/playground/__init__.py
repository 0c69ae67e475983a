"""Calling tools from a page."""
