"""How getting a token fails. Each message is fit to show: no credential, no internal address, no provider's text."""

# RFC 6749 sections 4.1.2.1 and 5.2, RFC 7009 section 2.2.1, RFC 7591 section 3.2.2, RFC 8707 section 2.
KNOWN_CODES = frozenset(
    {
        "access_denied",
        "interaction_required",
        "invalid_client",
        "invalid_client_metadata",
        "invalid_grant",
        "invalid_redirect_uri",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "login_required",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_response_type",
        "unsupported_token_type",
    }
)
PASSING_CODES = frozenset({"server_error", "temporarily_unavailable"})


class OAuthFailed(Exception):
    """No token came about; the message says why, in a sentence."""


class ProviderAway(OAuthFailed):
    """The provider cannot be reached, or has a failure of its own: it may be tried again."""


class ProviderRefused(OAuthFailed):
    """The provider answered with an error of OAuth's; `code` is which, "" for one that no specification names."""

    def __init__(self, host: str, code: str) -> None:
        self.code = code if code in KNOWN_CODES else ""
        super().__init__(f"{host} refused: {self.code}." if self.code else f"{host} refused, for a reason of its own.")


class MetadataRefused(OAuthFailed):
    """What a provider says of itself is invalid, or is not safe to follow."""


class AnswerRefused(OAuthFailed):
    """A provider's answer is not the one to what was asked: forged, mixed up, replayed or late."""


class RegistrationNeeded(OAuthFailed):
    """The provider takes no client that it does not know: somebody has to register one there and enter it here."""
