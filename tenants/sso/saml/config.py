"""The configuration of a SAML connection: what is typed or read from metadata, and what the library is told of it."""

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from django.db.models import TextChoices
from lxml import etree
from onelogin.saml2.constants import OneLogin_Saml2_Constants
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from core.envelope import Keyring
from core.outbound import policy_from_environment
from tenants.models import SsoConnection
from tenants.sso import addresses
from tenants.sso.saml.keys import BadCertificate, KeyPair, certificate_text, new_key_pair
from tenants.validation import refused_fields
from tenants.vault.oauth.exchanging import require_secure
from tenants.vault.oauth.failures import MetadataRefused
from tenants.vault.purposes import SSO_CONNECTION

FIELDS = (
    "metadata_url",
    "metadata_xml",
    "entity_id",
    "sso_url",
    "slo_url",
    "slo_binding",
    "certificates",
    "email_attribute",
    "name_attribute",
    "groups_attribute",
)
MAXIMUM_CERTIFICATES = 4  # one that is used, one that comes, and room for a provider that keeps old ones listed
MAXIMUM_ENTITY_ID = 1024  # SAML 2.0 core section 8.3.6
LONGEST_ATTRIBUTE = 255
REDIRECT = OneLogin_Saml2_Constants.BINDING_HTTP_REDIRECT
POST = OneLogin_Saml2_Constants.BINDING_HTTP_POST
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"


class LogoutBinding(TextChoices):
    """How a provider takes logout messages of ours."""

    REDIRECT = "redirect", "In the address (HTTP-Redirect)"
    POST = "post", "In a form (HTTP-POST)"


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider: its name, where people sign in and out there, and the certificates of its signatures."""

    entity_id: str
    sso_url: str
    slo_url: str
    certificates: tuple[str, ...]
    slo_binding: str = LogoutBinding.REDIRECT


class SamlSettings(NamedTuple):
    """What a login at a SAML provider needs: the library's settings, and which attributes say what."""

    library: OneLogin_Saml2_Settings
    entity_id: str
    acs: str
    slo: str
    email_attribute: str
    name_attribute: str
    groups_attribute: str


def provider_checked(provider: Provider) -> Provider:
    """The provider, with its certificates in their one spelling. Raises Refused(INVALID_INPUT), a sentence a field."""
    wrong: dict[str, str] = {}
    certificates: list[str] = []
    if not (0 < len(provider.entity_id) <= MAXIMUM_ENTITY_ID and provider.entity_id.isprintable()):
        wrong["entity_id"] = "Enter the provider's entity ID, exactly as it names itself."
    wrong |= _wrong_places(provider)
    try:
        certificates = list(dict.fromkeys(certificate_text(text) for text in provider.certificates))
    except BadCertificate as bad:
        wrong["certificates"] = str(bad)
    if not provider.certificates:
        wrong["certificates"] = "Paste the certificate of the provider's signatures."
    elif len(certificates) > MAXIMUM_CERTIFICATES:
        wrong["certificates"] = f"There may be {MAXIMUM_CERTIFICATES} at once."
    if wrong:
        raise refused_fields(wrong)
    return replace(provider, certificates=tuple(certificates))


def _wrong_places(provider: Provider) -> dict[str, str]:
    found = {"sso_url": _url_problem(provider.sso_url, required=True)}
    found["slo_url"] = _url_problem(provider.slo_url, required=False)
    if provider.slo_binding not in LogoutBinding.values:
        found["slo_binding"] = f"Choose one of {', '.join(LogoutBinding.values)}."
    return {name: problem for name, problem in found.items() if problem}


def saml_prepared(connection: SsoConnection, keyring: Keyring) -> None:
    """Makes the key of a new connection, so that there is something for the provider to copy."""
    pair = new_key_pair()
    connection.config = {"own_certificate": pair.certificate}
    connection.sealed = keyring.seal(SSO_CONNECTION, msgspec.json.encode(pair), *sealed_row(connection))


def saml_configured(connection: SsoConnection, draft: Mapping[str, str], provider: Provider) -> None:
    """Writes a provider that was checked into the connection. Raises Refused(INVALID_INPUT)."""
    attributes = {name: draft.get(name, "").strip() for name in FIELDS if name.endswith("_attribute")}
    wrong = {name: "Use one line." for name, text in attributes.items() if not _is_attribute(text)}
    if wrong:
        raise refused_fields(wrong)
    connection.config = {
        "own_certificate": connection.config["own_certificate"],
        "metadata_url": draft.get("metadata_url", "").strip(),
        **attributes,
        **provider_config(provider),
    }


def provider_config(provider: Provider) -> dict[str, Any]:
    """The part of a configuration that the provider's metadata tell."""
    return {**asdict(provider), "certificates": list(provider.certificates), "slo_binding": str(provider.slo_binding)}


def saml_settings(connection: SsoConnection, keyring: Keyring, *, for_logout: bool = False) -> SamlSettings:
    """What is stored. Raises core.crypto.Forged and core.envelope.KeyGone."""
    config, own = connection.config, own_addresses(connection)
    described = {**_of_ours(own, _pair(connection, keyring)), "idp": _of_theirs(config)}
    described["security"]["wantMessagesSigned"] = for_logout
    return SamlSettings(
        library=OneLogin_Saml2_Settings(described),
        entity_id=own["metadata"],
        acs=own["acs"],
        slo=own["slo"],
        email_attribute=config["email_attribute"],
        name_attribute=config["name_attribute"],
        groups_attribute=config["groups_attribute"],
    )


def own_addresses(connection: SsoConnection) -> dict[str, str]:
    """The values that a provider's administrator copies: metadata (also our entity ID), acs, slo."""
    where = (connection.tenant_id, connection.pk)
    return {"metadata": addresses.metadata(*where), "acs": addresses.acs(*where), "slo": addresses.slo(*where)}


def sealed_row(connection: SsoConnection) -> tuple[str, ...]:
    """What the private key is bound to."""
    return (str(connection.pk), connection.kind)


def described_to_library(url: str) -> dict[str, Any]:
    """What the library takes for a request: told from our own address, and not from what a client sent as its Host."""
    parts = urlsplit(url)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "get_data": {},
        "post_data": {},
    }


def own_metadata(connection: SsoConnection, keyring: Keyring) -> str:
    """Our metadata as XML, whether or not a provider is configured. Raises Forged and KeyGone."""
    described = _of_ours(own_addresses(connection), _pair(connection, keyring))
    # Providers that find a key for it here encrypt; those that do not are taken as well.
    described["security"]["wantAssertionsEncrypted"] = True
    text = OneLogin_Saml2_Settings(described, sp_validation_only=True).get_sp_metadata()
    return _with_posted_logout(text)


def _with_posted_logout(text: bytes | str) -> str:
    """The metadata with the other binding of single logout as well, which the library does not write."""
    root = etree.fromstring(text)
    redirected = next(root.iter(f"{{{METADATA}}}SingleLogoutService"))
    posted = copy.copy(redirected)
    posted.set("Binding", POST)
    redirected.addnext(posted)
    return str(etree.tostring(root, encoding="unicode"))


def _pair(connection: SsoConnection, keyring: Keyring) -> KeyPair:
    opened = keyring.unseal(SSO_CONNECTION, connection.sealed, *sealed_row(connection))
    return msgspec.json.decode(opened, type=KeyPair)


def _of_theirs(config: Mapping[str, Any]) -> dict[str, Any]:
    binding = POST if config.get("slo_binding") == LogoutBinding.POST else REDIRECT
    logout = {"singleLogoutService": {"url": config["slo_url"], "binding": binding}} if config["slo_url"] else {}
    return {
        "entityId": config["entity_id"],
        "singleSignOnService": {"url": config["sso_url"], "binding": REDIRECT},
        **logout,
        "x509certMulti": {"signing": list(config["certificates"])},
    }


def _of_ours(own: Mapping[str, str], pair: KeyPair) -> dict[str, Any]:
    return {
        "strict": True,
        "debug": False,
        "sp": {
            "entityId": own["metadata"],
            "assertionConsumerService": {"url": own["acs"], "binding": POST},
            "singleLogoutService": {"url": own["slo"], "binding": REDIRECT},
            "NameIDFormat": OneLogin_Saml2_Constants.NAMEID_UNSPECIFIED,
            "x509cert": pair.certificate,
            "privateKey": pair.key,
        },
        "security": {
            "authnRequestsSigned": True,
            "logoutRequestSigned": True,
            "logoutResponseSigned": True,
            "signMetadata": False,
            "wantAssertionsSigned": True,
            "wantNameId": True,
            "wantAttributeStatement": False,
            "requestedAuthnContext": False,
            "rejectDeprecatedAlgorithm": True,
            "allowRepeatAttributeName": True,
            "signatureAlgorithm": OneLogin_Saml2_Constants.RSA_SHA256,
            "digestAlgorithm": OneLogin_Saml2_Constants.SHA256,
        },
    }


def _url_problem(url: str, *, required: bool) -> str:
    if not url:
        return "Enter the address where people sign in." if required else ""
    try:
        require_secure(url, policy_from_environment(), "address")
    except MetadataRefused as refused:
        return str(refused)
    return ""


def _is_attribute(text: str) -> bool:
    return len(text) <= LONGEST_ATTRIBUTE and text.isprintable()
