"""What a browser session's end means for the providers that let its holder in; how accounts' pages know of it."""

from collections.abc import MutableMapping
from typing import Any

from tenants.sso.logouts import leaving
from tenants.sso.sessions import named_in

# In the session that follows: where its holder goes on to, to sign out there as well.
LEAVING = "sso.leaving"


def signed_out_of_all(browser: MutableMapping[str, Any]) -> dict[str, Any]:
    """Ends the provider's sessions that a browser session stands on; what the session that follows has to hold.

    Opens contexts of its own. One provider can be gone on to: the one that came last.
    """
    kept: dict[str, Any] = {}
    for tenant_id, session_id in named_in(browser).items():
        left = leaving(kept, tenant_id=tenant_id, session_id=session_id)
        if left is not None:
            kept[LEAVING] = {"url": left.message.url, "fields": left.message.fields, "name": left.name}
    return kept
