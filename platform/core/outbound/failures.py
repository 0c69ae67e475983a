"""How a request that was allowed to leave can still fail. Each message is fit to show: no address, no credential."""


class FetchFailed(Exception):
    """The other side could not be reached, or did not answer as it must; the message says what failed."""


class ConnectionFailed(FetchFailed):
    """No connection came about: the name does not resolve, the connection was refused, or TLS failed."""


class TimedOut(FetchFailed):
    """The answer was not complete in time."""


class ResponseTooLarge(FetchFailed):
    """The decompressed answer is larger than the caller takes."""


class ResponseBroken(FetchFailed):
    """The answer is not valid HTTP, or broke off."""


class TooManyRedirects(FetchFailed):
    """The redirects do not end."""
