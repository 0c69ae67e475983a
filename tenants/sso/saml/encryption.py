"""Encrypted assertions (SAML 2.0 core section 2.3.4): which encryption is taken, and what is inside.

A session key comes by RSA-OAEP alone, and everything that is encrypted is in the response itself. CBC has no protection
of its own against tampering, so that the same thing is said whatever is wrong before the signature inside holds.
"""

from typing import Any

import xmlsec
from lxml import etree
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from tenants.sso.saml.documents import DS, SAML, BadDocument, parsed, require_moments, require_plain_signatures

XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
CONTENT = frozenset(
    {*(f"{XENC}aes{bits}-cbc" for bits in (128, 192, 256)), *(f"{XENC11}aes{bits}-gcm" for bits in (128, 192, 256))}
)
SESSION_KEY = frozenset({f"{XENC}rsa-oaep-mgf1p", f"{XENC11}rsa-oaep"})
_ENCRYPTED = f"{{{SAML}}}EncryptedAssertion"


def is_encrypted(root: Any) -> bool:
    """Whether a response holds an assertion that is encrypted."""
    return root.find(f".//{_ENCRYPTED}") is not None


def require_accepted(root: Any) -> None:
    """Raises BadDocument unless what is encrypted is so as we take it, and nothing of it is elsewhere."""
    if len(list(root.iter(_ENCRYPTED))) != 1 or root.find(f".//{{{SAML}}}Assertion") is not None:
        raise BadDocument("A response holds exactly one assertion.")
    if root.find(f".//{{{XENC}}}CipherReference") is not None:
        raise BadDocument("What is encrypted has to be in the response itself.")
    for method in root.iter(f"{{{DS}}}RetrievalMethod"):
        if not method.get("URI", "").startswith("#"):
            raise BadDocument("What is encrypted has to be in the response itself.")
    for holder, allowed in (("EncryptedKey", SESSION_KEY), ("EncryptedData", CONTENT)):
        _require_methods(root, holder, allowed)


def opened(settings: OneLogin_Saml2_Settings, text: str) -> Any:
    """The response with its assertion in clear, whose signatures are as we take them. Raises BadDocument."""
    try:
        response = OneLogin_Saml2_Response(settings, "".join(text.split()))
        inside = response.decrypted_document
        if inside is None:
            raise BadDocument("There is nothing in it that is encrypted.")
        root = parsed(etree.tostring(inside))
    except (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, xmlsec.Error, etree.LxmlError) as error:
        raise BadDocument(f"It cannot be decrypted with our key: {type(error).__name__}.") from None
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise BadDocument("It cannot be decrypted with our key.") from None
    require_plain_signatures(root)
    require_moments(root)
    return root


def _require_methods(root: Any, holder: str, allowed: frozenset[str]) -> None:
    held = list(root.iter(f"{{{XENC}}}{holder}"))
    if not held:
        raise BadDocument(f"There is no {holder} in it.")
    for element in held:
        method = element.find(f"{{{XENC}}}EncryptionMethod")
        told = "" if method is None else method.get("Algorithm", "")
        if told not in allowed:
            raise BadDocument(f"Its {holder} uses {told or 'no algorithm'}.")
