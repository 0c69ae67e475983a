"""Networks and the address that a request comes from: every spelling of both."""

import pytest

from core.networks import Networks, client_of, network_of


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("192.0.2.0/24", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.0/24", "::ffff:192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::/32", "2001:DB8:0:0:1::1"),
        ("fe80::/10", "fe80::1%eth0"),
        ("0.0.0.0/0", "198.51.100.1"),
        ("::/0", "2001:db8::1"),
    ],
)
def test_an_address_is_in_its_network(network: str, address: str) -> None:
    assert Networks.of([network]).admit(address)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("192.0.2.0/24", "192.0.3.7"),
        ("192.0.2.0/24", "::192.0.2.7"),
        ("0.0.0.0/0", "2001:db8::1"),
        ("::/0", "192.0.2.7"),
        ("2001:db8::/32", "2001:db9::1"),
        *(
            ("0.0.0.0/0", text)
            for text in ("", "unknown", "1.2.3.4:80", "[::1]", "1.2.3", "01.2.3.4", "_hidden", "x\0")
        ),
    ],
)
def test_whatever_else_is_not(network: str, address: str) -> None:
    assert not Networks.of([network]).admit(address)


@pytest.mark.parametrize(
    "text",
    ["", "x", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.7/24", "fe80::1%eth0/64", "1.2.3.4 ", "::/129", "٣.1.1.1"],
)
def test_what_is_no_network_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\."):
        network_of(text)


@pytest.mark.parametrize(
    ("forwarded", "proxies", "found"),
    [
        ("", 0, "peer"),
        ("1.1.1.1", 0, "peer"),
        ("1.1.1.1", 1, "1.1.1.1"),
        ("9.9.9.9, 1.1.1.1", 1, "1.1.1.1"),
        ("9.9.9.9, 1.1.1.1, 2.2.2.2", 2, "1.1.1.1"),
        ("1.1.1.1", 2, "peer"),
        ("", 1, ""),
    ],
)
def test_only_what_our_proxies_say_is_believed(forwarded: str, proxies: int, found: str) -> None:
    assert client_of("peer", forwarded, proxies) == found
