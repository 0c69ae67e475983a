"""What other services call by themselves: no session, no cookie, and a signature over what they say."""
