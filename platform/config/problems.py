"""What a person at the command line did or has, that does not work: said in a sentence, without a traceback."""


class Problem(Exception):
    """Something the person can put right; the message says what is wrong and what to do."""
