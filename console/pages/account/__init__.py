"""A person's own account, where allauth has no page."""
