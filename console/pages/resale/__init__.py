"""Resale: what a tenant sells, the public page that sells it, and the page on which a buyer manages it."""
