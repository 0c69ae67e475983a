"""What is sold, on which terms, and what each tenant has of it."""
