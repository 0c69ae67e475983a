"""Provisioning by SCIM, and receipts of people who were put out."""
