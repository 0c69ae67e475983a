"""What pages hear without asking: WebSockets of the console."""
