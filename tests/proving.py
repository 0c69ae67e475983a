"""A client that proves to hold a key (RFC 9449), well and in every wrong way."""

import base64
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from tenants.authorization.jose import PublicKey
from tenants.authorization.proofs import ALGORITHMS, token_hash

type Key = PublicKey


def part(value: object) -> str:
    """One part of a token."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def signed(header: dict[str, Any], claims: object, key: Key) -> str:
    """A token whose header may say anything; it is signed by what `alg` says, where a key pair can."""
    head = f"{part(header)}.{part(claims)}"
    named = header.get("alg")
    algorithm = jws.JWSRegistry.algorithms.get(named) if named in ALGORITHMS else None
    return f"{head}.{part(algorithm.sign(head.encode(), key)) if algorithm else ''}"


@dataclass
class Prover:
    """A client with a key."""

    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    algorithm: str = "ES256"

    @property
    def thumbprint(self) -> str:
        """What its tokens are bound to."""
        return self.key.thumbprint()

    def header(self, **changes: Any) -> dict[str, Any]:
        """A proof's header; None leaves a parameter out."""
        header = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.key.as_dict(private=False)} | changes
        return {name: value for name, value in header.items() if value is not None}

    def proof(
        self, url: str, *, method: str = "POST", token: str = "", header: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        """A proof; None leaves a claim out."""
        claims = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time())}
        claims |= {"ath": token_hash(token.encode())} if token else {}
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        return signed(self.header(**(header or {})), claims, self.key)
