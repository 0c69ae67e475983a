"""Billing: the plan, what is used of it, invoices, and the ways to Stripe."""
