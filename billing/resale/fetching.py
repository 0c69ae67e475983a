"""Asking how things stand in a seller's account now. Outside of transactions; passes Stripe's errors."""

import stripe

from billing.resale.fetched import FetchedAccount, account_made
from billing.stripe.client import stripe_client


def account_fetched(account_id: str) -> FetchedAccount:
    """The account itself."""
    try:
        return account_made(stripe_client().v1.accounts.retrieve(account_id))
    except stripe.PermissionError:
        return FetchedAccount(account_id, is_gone=True)
