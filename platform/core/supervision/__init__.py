"""Supervision trees of operating system processes: what to start, what to restart, when to give up."""
