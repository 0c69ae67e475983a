"""What `armstrong up` does once before the roles start: each a program that does nothing when nothing changed."""
