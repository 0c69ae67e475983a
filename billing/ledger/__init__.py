"""The usage ledger: a row for each call, sums by the hour, how long both are kept, and what is asked of them."""
