"""Proofs of possession, read: every check of RFC 9449 section 4.3, without a server."""

import base64
import hmac
import time
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tenants.authorization.proofs import AGE_SECONDS, MAXIMUM_BYTES, SKEW_SECONDS, BadProof, Proof, proof_read
from tests.proving import Key, Prover, part, signed

URL = "https://mcp.example.com/t/acme/tools/mcp"
NOW = 1_800_000_000.0
# joserfc's word on RFC 9864, which names the curve; proofs by the older name are taken all the same.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def _read(proof: str, *, url: str = URL, method: str = "POST", token: bytes | None = None) -> Proof:
    return proof_read(proof, method=method, url=url, now=NOW, token=token)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256"), "ES256"),
        (ECKey.generate_key("P-384"), "ES384"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
        (RSAKey.generate_key(2048), "PS256"),
        (RSAKey.generate_key(2048), "RS256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_proof_is_read_by_every_algorithm(key: Key, algorithm: str) -> None:
    prover = Prover(key, algorithm)
    found = _read(prover.proof(URL, token="abc", iat=NOW, jti="one"), token=b"abc")
    assert found == Proof(prover.thumbprint, "one", NOW + AGE_SECONDS)


@pytest.mark.parametrize(
    "url",
    [
        f"{URL}?a=1#b",
        "HTTPS://MCP.example.com/t/acme/tools/mcp",
        "https://mcp.example.com:443/t/acme/tools/mcp",
    ],
)
def test_addresses_that_mean_the_same_are_the_same(url: str) -> None:
    _read(Prover().proof(url, iat=NOW))


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "GET"}, {"htm": "post"}, {"htm": None}, {"htm": ["POST"]},
        {"htu": None}, {"htu": 7}, {"htu": ""}, {"htu": "http://[::1"}, {"htu": f"{URL}/"},
        {"htu": "http://mcp.example.com/t/acme/tools/mcp"}, {"htu": "https://mcp.example.com/t/other/tools/mcp"},
        {"htu": "https://mcp.example.com:8443/t/acme/tools/mcp"}, {"htu": "https://mcp.example.com:x/t/acme/tools/mcp"},
        {"htu": "https://evil@mcp.example.com/t/acme/tools/mcp"}, {"htu": "https://mcp.example.com.evil.example/"},
        {"iat": None}, {"iat": True}, {"iat": "now"}, {"iat": NOW - AGE_SECONDS}, {"iat": NOW + SKEW_SECONDS + 1},
        {"iat": 10**400}, {"iat": -(10**400)},
        {"jti": None}, {"jti": ""}, {"jti": 7}, {"jti": "x" * 257},
        {"ath": None}, {"ath": "another"}, {"ath": 7},
    ],
    ids=lambda changes: "-".join(f"{name}={str(value)[:40]}" for name, value in changes.items()),
)  # fmt: skip
def test_a_proof_for_anything_else_is_refused(changes: dict[str, Any]) -> None:
    prover = Prover()
    _read(prover.proof(URL, token="abc", iat=NOW), token=b"abc")
    with pytest.raises(BadProof):
        _read(prover.proof(URL, token="abc", **({"iat": NOW} | changes)), token=b"abc")


_OWN = ECKey.generate_key("P-256")
_HEADERS: list[dict[str, Any]] = [
    {"typ": None}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": 7},
    {"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256K"}, {"alg": None}, {"alg": 7}, {"alg": ["ES256"]},
    {"alg": "ES384"},
    {"jwk": None}, {"jwk": {}}, {"jwk": "key"}, {"jwk": {"kty": "oct", "k": "AAAA"}},
    {"jwk": _OWN.as_dict(private=True)},
    {"jwk": _OWN.as_dict(private=False)},
    {"jwk": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}},
    {"jwk": {"kty": "EC", "crv": "P-256", "x": 1, "y": 1}},
    {"jwk": {"kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA"}},
    {"jwk": {"kty": "OKP", "crv": "X25519", "x": "AAAA"}},
    {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    {"jwk": {"kty": "RSA", "n": part(b"\xff" * 2_000), "e": "AQAB"}},
    {"jwk": {"kty": "RSA", "n": "", "e": ""}},
    {"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False},
]  # fmt: skip


@pytest.mark.parametrize("header", _HEADERS, ids=[f"{number}" for number in range(len(_HEADERS))])
def test_a_proof_with_another_header_is_refused(header: dict[str, Any]) -> None:
    prover = Prover()
    claims = {"jti": "one", "htm": "POST", "htu": URL, "iat": NOW}
    good = signed(prover.header(), claims, prover.key)
    _read(good)
    with pytest.raises(BadProof):
        _read(f"{part(prover.header(**header))}.{part(claims)}.{good.split('.')[2]}")


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    prover = Prover()
    header = part(prover.header(alg="HS256"))
    claims = part({"jti": "one", "htm": "POST", "htu": URL, "iat": NOW})
    forged = part(hmac.digest(prover.key.as_pem(private=False), f"{header}.{claims}".encode(), "sha256"))
    with pytest.raises(BadProof):
        _read(f"{header}.{claims}.{forged}")


@pytest.mark.parametrize(
    "proof",
    [
        "", ".", "..", "a.b", "a.b.c.d", "eyJ.eyJ.eyJ", "é.é.é",
        f"{part(b'{}')}.{part(b'{}')}.", f"{part(b'[]')}.{part(b'[]')}.AA", f"{part(b'null')}.{part(b'{}')}.AA",
        f"{part(b'[' * 1_400)}.{part(b'{}')}.AA", f"{part(b'{}')}.{part(b'{' * 1_400)}.AA",
        f"{part(b'{' + b'%s' % (b'0' * 20))}.{part(b'{}')}.AA",
        f"{part(b'{%ca%c:NaN}' % (34, 34))}.{part(b'{}')}.AA", f"{part(bytes(range(128, 200)))}.{part(b'{}')}.AA",
        "A" * (MAXIMUM_BYTES + 1),
    ],
)  # fmt: skip
def test_what_is_no_token_is_no_proof(proof: str) -> None:
    with pytest.raises(BadProof):
        _read(proof)


@pytest.mark.parametrize("twice", ["header", "claims", "escaped"])
def test_a_name_that_comes_twice_is_refused(twice: str) -> None:
    prover = Prover()
    good = prover.proof(URL, iat=NOW)
    _read(good)
    header, claims, _ = good.split(".")
    text = {"header": b'"typ":"dpop+jwt"', "claims": b'"htm":"POST"', "escaped": b'"ht\\u006d":"POST"'}[twice]
    whole = b"{" + text + b"," + _text(header if twice == "header" else claims)[1:]
    head = f"{part(whole)}.{claims}" if twice == "header" else f"{header}.{part(whole)}"
    with pytest.raises(BadProof):
        _read(_resigned(head, prover))


def _text(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def _resigned(head: str, prover: Prover) -> str:
    """A token of these two parts, well signed."""
    return f"{head}.{part(jws.JWSRegistry.algorithms['ES256'].sign(head.encode(), prover.key))}"


def test_the_clock_is_the_callers() -> None:
    proof = Prover().proof(URL)
    proof_read(proof, method="POST", url=URL, now=time.time())
    with pytest.raises(BadProof):
        _read(proof)
