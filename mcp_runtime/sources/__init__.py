"""Tool sources, one folder each."""
