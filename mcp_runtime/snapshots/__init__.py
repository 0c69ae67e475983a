"""What the data plane knows."""
