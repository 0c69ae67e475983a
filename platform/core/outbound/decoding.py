"""Content codings of an answer, undone piece by piece and never beyond a limit (RFC 9110 section 8.4)."""

import zlib

from core.outbound.failures import FetchFailed

ACCEPTED = "gzip, deflate"
_GZIP = zlib.MAX_WBITS | 16
_CODINGS = {b"gzip": _GZIP, b"x-gzip": _GZIP, b"deflate": zlib.MAX_WBITS}
_DEFLATED = 8  # the compression method in the first byte of a zlib stream (RFC 1950 section 2.2)


class Undecodable(FetchFailed):
    """The body is not what its coding says, or the coding is not one that was accepted."""


class Decoder:
    """One coding of one body."""

    __slots__ = ("_bits", "_inflating")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inflating: zlib._Decompress | None = None

    def feed(self, data: bytes, limit: int) -> bytes:
        """What `data` decodes to, or the first `limit` + 1 bytes of that. Raises Undecodable."""
        pieces: list[bytes] = []
        room = limit + 1
        try:
            while data and room > 0:
                piece, data = self._inflate(data, room)
                pieces.append(piece)
                room -= len(piece)
        except zlib.error:
            raise Undecodable from None
        return b"".join(pieces)

    def _inflate(self, data: bytes, room: int) -> tuple[bytes, bytes]:
        """Some bytes decoded, and what of `data` is left: another member of a gzip file (RFC 1952 section 2.2)."""
        if self._inflating is None or self._inflating.eof:
            self._inflating = zlib.decompressobj(self._bits_of(data))
        piece = self._inflating.decompress(data, room)
        if len(piece) == room:
            return piece, b""
        if self._inflating.eof and self._bits != _GZIP and self._inflating.unused_data:
            raise Undecodable
        return piece, self._inflating.unused_data

    def _bits_of(self, data: bytes) -> int:
        # Many servers send raw DEFLATE where the zlib format is meant.
        is_raw = self._bits != _GZIP and data[0] & 0x0F != _DEFLATED
        return -zlib.MAX_WBITS if is_raw else self._bits

    def finish(self) -> None:
        """The body is over. Raises Undecodable if it is not whole; a coded body may be empty."""
        if self._inflating is not None and not self._inflating.eof:
            raise Undecodable


def decoder(coding: bytes) -> Decoder | None:
    """The decoder for the value of `Content-Encoding`, None where there is nothing to decode. Raises Undecodable."""
    name = coding.strip().lower()
    if name in (b"", b"identity"):
        return None
    bits = _CODINGS.get(name)
    if bits is None:
        raise Undecodable
    return Decoder(bits)
