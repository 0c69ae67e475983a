"""Rules of which tools groups may use, and why somebody may use one or not."""
