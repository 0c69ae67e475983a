"""A SAML provider's metadata, typed in or fetched, and read from their XML."""

from typing import Any

from lxml import etree
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser

from core.outbound import Client, FetchFailed, Limits, fetch
from core.refusals import Refused
from tenants.sso.saml.config import POST, LogoutBinding, Provider
from tenants.sso.saml.documents import MAXIMUM_BYTES, BadDocument, parsed
from tenants.vault.oauth.exchanging import host_of, require_secure
from tenants.vault.oauth.failures import MetadataRefused, ProviderAway
from tenants.vault.oauth.running import with_provider

READING = Limits(seconds=10.0, response_bytes=MAXIMUM_BYTES, redirects=2)
HEADERS = {"Accept": "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9"}


def provider_in(xml: bytes) -> Provider:
    """The identity provider that metadata describe. Raises BadDocument with what is missing."""
    parsed(xml)
    try:
        found: dict[str, Any] = OneLogin_Saml2_IdPMetadataParser.parse(xml).get("idp", {})
    except (etree.LxmlError, ValueError, TypeError, KeyError, AttributeError):
        raise BadDocument("It is no SAML metadata.") from None
    if not found.get("entityId"):
        raise BadDocument("It describes no identity provider (IDPSSODescriptor).")
    sso_url = found.get("singleSignOnService", {}).get("url", "")
    if not sso_url:
        raise BadDocument("It names no SingleSignOnService with the HTTP-Redirect binding.")
    certificates = found.get("x509certMulti", {}).get("signing") or [found.get("x509cert", "")]
    slo_url, binding = found.get("singleLogoutService", {}).get("url", ""), LogoutBinding.REDIRECT
    if not slo_url and (slo_url := _posted_logout(xml)):
        binding = LogoutBinding.POST
    return Provider(found["entityId"], sso_url, slo_url, tuple(text for text in certificates if text), binding)


def _posted_logout(xml: bytes) -> str:
    """Where a provider takes logout messages in forms."""
    found = OneLogin_Saml2_IdPMetadataParser.parse(xml, required_slo_binding=POST)
    return str(found["idp"].get("singleLogoutService", {}).get("url", ""))


def provider_fetched(url: str) -> Provider:
    """The identity provider whose metadata are at an address. Never inside a transaction.

    Raises BadDocument, and tenants.vault.oauth.failures.OAuthFailed for an address that cannot be read.
    """
    return provider_in(with_provider(lambda client: _read(client, url)))


async def _read(client: Client, url: str) -> bytes:
    require_secure(url, client.policy, "address of the metadata")
    try:
        answer = await fetch(client, "GET", url, headers=HEADERS, limits=READING)
    except FetchFailed as failed:
        raise ProviderAway(str(failed)) from None
    except Refused as refused:
        raise MetadataRefused(str(refused)) from None
    if answer.status != 200:
        raise ProviderAway(f"{host_of(url)} answered {answer.status} when it was asked for its metadata.")
    return answer.body
