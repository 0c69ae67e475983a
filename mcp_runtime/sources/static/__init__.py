"""Prompts and resources whose content is written down by their author."""
