"""What of an upstream's results reaches a model: instructions, secrets and personal data in them are acted upon."""
