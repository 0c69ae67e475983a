"""A name server on this machine that knows the TXT records which a test writes down."""

import socket
from collections.abc import Callable, Iterator
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

STOP = b"stop"


class Names:
    """A server whose records a test writes down; `is_silent` has it answer nothing.

    `garbled` has it send something else, made of the answer that it would give and of the question.
    """

    def __init__(self, server: socket.socket) -> None:
        self.server = server
        self.texts: dict[str, list[str]] = {}
        self.is_silent = False
        self.garbled: Callable[[bytes, bytes], bytes] | None = None

    def serve(self) -> None:
        """Answers until somebody says stop."""
        while (got := self.server.recvfrom(4096))[0] != STOP:
            if not self.is_silent:
                answer = self._answer(got[0])
                self.server.sendto(self.garbled(answer, got[0]) if self.garbled else answer, got[1])

    def _answer(self, question: bytes) -> bytes:
        asked = dns.message.from_wire(question)
        name = asked.question[0].name
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        found = self.texts.get(name.to_text(omit_final_dot=True).lower())
        if found:
            quoted = [" ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200)) for text in found]
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """A name server that the platform asks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        address = server.getsockname()
        known = Names(server)
        thread = Thread(target=known.serve, daemon=True)
        thread.start()
        monkeypatch.setenv("DNS_RESOLVERS", f"{address[0]}:{address[1]}")
        yield known
        server.sendto(STOP, address)
        thread.join(5)
