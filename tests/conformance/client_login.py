"""Logins at the suite's authorization server, with the parts that the vault logs in with."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from core.outbound import Client
from mcp_runtime.sources.upstream import Health, UpstreamFailed
from tenants.vault.oauth.authorization import authorization_url, code_of, new_pkce, new_state
from tenants.vault.oauth.challenges import bearer_challenge
from tenants.vault.oauth.discovery import Protected, discovered
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.metadata import ProviderMetadata
from tenants.vault.oauth.registration import Registration, Way, registered
from tenants.vault.oauth.tokens import TokenSet, by_client, by_code

REDIRECT_URI = "http://localhost:3000/callback"
DOCUMENT = "https://conformance-test.local/client-metadata.json"  # what the suite knows such a client by
OFFLINE = "offline_access"


class Login:
    """Credentials that are got when they are asked for. `given` is what the scenario says beforehand."""

    def __init__(self, http: Client, url: str, given: Mapping[str, Any]) -> None:
        self._http = http
        self._url = url
        self._given = given
        self._scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
        self._tokens: TokenSet | None = None
        self._scopes: list[str] = []
        self._registrations: dict[str, Registration] = {}

    async def secrets(self) -> Mapping[str, str]:
        """There are none."""
        return {}

    async def token(self, _principal: str) -> str | None:
        """The token of the last login."""
        return self._tokens.access_token if self._tokens else None

    async def rejected(self, _principal: str, _token: str, challenge: str) -> bool:
        """Logs in, as a person would who is told to; for more than a login covers, when the call has failed."""
        if bearer_challenge(challenge).lacks_scope:
            return False
        await self.again(challenge)
        return True

    async def again(self, challenge: str) -> None:
        """Logs in for what the challenge asks, beside what was granted. Raises UpstreamFailed."""
        try:
            protected = await discovered(self._http, self._url, challenge)
            asked = bearer_challenge(challenge).scope or protected.scopes
            self._scopes += [scope for scope in asked.split() if scope not in self._scopes]
            self._tokens = await self._logged_in(protected)
        except OAuthFailed as failed:
            raise UpstreamFailed(str(failed), Health.NEEDS_LOGIN) from None

    async def _logged_in(self, protected: Protected) -> TokenSet:
        provider = protected.provider
        offered = [OFFLINE] if OFFLINE in provider.scopes and OFFLINE not in self._scopes else []
        scopes = " ".join([*self._scopes, *offered])
        registration = await self._registration(provider, scopes)
        if "client-credentials" in self._scenario:
            return await by_client(self._http, provider, registration, scopes=scopes, resource=protected.resource)
        pkce = new_pkce()
        asked = authorization_url(
            provider,
            client_id=registration.client_id,
            redirect_uri=REDIRECT_URI,
            scopes=scopes,
            resource=protected.resource,
            state=new_state(),
            challenge=pkce.challenge,
        )
        return await by_code(
            self._http,
            provider,
            registration,
            code=code_of(await self._visit(asked), provider),
            redirect_uri=REDIRECT_URI,
            verifier=pkce.verifier,
            resource=protected.resource,
        )

    async def _visit(self, url: str) -> dict[str, str]:
        """What the browser brings back from there."""
        async with httpx.AsyncClient() as browser:
            location = (await browser.get(url)).headers.get("location", "")
        return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}

    async def _registration(self, provider: ProviderMetadata, scopes: str) -> Registration:
        """The registration at this provider: each has its own (SEP-2352)."""
        if "client_id" in self._given:
            secret = self._given.get("client_secret") or self._given.get("private_key_pem", "")
            method = next(iter(provider.auth_methods), "client_secret_basic") if secret else "none"
            return Registration(Way.ENTERED, self._given["client_id"], method, secret)
        if provider.issuer not in self._registrations:
            found = await registered(self._http, provider, REDIRECT_URI, DOCUMENT, scopes)
            self._registrations[provider.issuer] = found
        return self._registrations[provider.issuer]
