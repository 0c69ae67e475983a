"""The editors of sources, one module for each kind of upstream."""
