"""The bottom layer: what every app may import, and what imports none of them."""
