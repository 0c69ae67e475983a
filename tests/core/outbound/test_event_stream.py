"""Server-sent events as HTML section 9.2 has them, however they are cut."""

import pytest

from core.outbound.event_stream import EventReader, EventTooLarge, ServerEvent

CASES = [
    (b"data: one\n\n", [ServerEvent(b"one")]),
    (b"data:one\r\n\r\ndata:  two\r\r", [ServerEvent(b"one"), ServerEvent(b" two")]),
    (b"data: a\ndata\ndata: b\n\n", [ServerEvent(b"a\n\nb")]),
    (b"event: endpoint\ndata: /x\n\ndata: y\n\n", [ServerEvent(b"/x", b"endpoint"), ServerEvent(b"y")]),
    (b"\xef\xbb\xbfdata: marked\n\n", [ServerEvent(b"marked")]),
    (b": comment\n\nid: 7\nretry: 20\n\ndata: x\n\n", [ServerEvent(b"x", id=b"7", retry=20)]),
    (b"id: 1\ndata: a\n\ndata: b\n\n", [ServerEvent(b"a", id=b"1"), ServerEvent(b"b", id=b"1")]),
    (b"id: 1\n\nid\ndata: c\n\n", [ServerEvent(b"c")]),
    (b"id: a\0b\nretry: 1x\nunknown: z\ndata: a\n\n", [ServerEvent(b"a")]),
    (b"id: 3\ndata:\n\n", [ServerEvent(b"", id=b"3")]),
    (b"data: unfinished\n", []),
]


@pytest.mark.parametrize(("text", "events"), CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_are_read_however_they_are_cut(text: bytes, events: list[ServerEvent], size: int) -> None:
    reader = EventReader(1000)
    found = [event for place in range(0, len(text), size) for event in reader.feed(text[place : place + size])]
    assert found == events


@pytest.mark.parametrize(
    "text", [b"data: " + b"x" * 200, b"data: x\n" * 30, b"x" * 200, b"data: a\n" + b": comment\n" * 30]
)
def test_an_event_beyond_the_limit_is_refused(text: bytes) -> None:
    with pytest.raises(EventTooLarge):
        EventReader(100).feed(text)


def test_comments_and_small_events_may_go_on_for_ever() -> None:
    reader = EventReader(100)
    for _time in range(1000):
        assert reader.feed(b": still here\n") == []
        assert reader.feed(b"data: x\n\n") == [ServerEvent(b"x")]


def test_an_id_that_no_header_could_carry_back_is_not_kept() -> None:
    reader = EventReader(10_000)
    reader.feed(b"id: 1\n\nid: " + b"9" * 2000 + b"\n\n")
    assert reader.id == b"1"
