"""Lines of children."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from core.supervision.output import LINE_BYTES, QUEUED_LINES, LineSplitter, Printer


@given(st.lists(st.binary(max_size=40)))
def test_lines_do_not_depend_on_how_the_bytes_arrive(chunks: list[bytes]) -> None:
    splitter, whole = LineSplitter(), LineSplitter()
    arrived = [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.finish()
    assert arrived == whole.feed(b"".join(chunks)) + whole.finish()


def test_a_line_without_end_is_cut_and_not_kept_for_ever() -> None:
    splitter = LineSplitter()
    lines = [line for _ in range(10) for line in splitter.feed(b"x" * LINE_BYTES)]
    assert [len(line) for line in lines] == [LINE_BYTES] * 10


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert LineSplitter().feed(b"caf\xe9\r\n") == ["caf\ufffd"]


def test_a_stream_that_stands_still_does_not_hold_us_up() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end) as reader, os.fdopen(write_end, "w") as stream:
        printer = Printer(stream)
        for number in range(QUEUED_LINES * 3):
            printer.line(f"{number} " + "x" * 100)
        with ThreadPoolExecutor() as pool:
            reading = pool.submit(reader.readlines)
            printer.close()
            stream.close()
            lines = reading.result(5)
    assert lines[0].startswith("0 ")
    assert "lines were dropped" in "".join(lines)
    assert len(lines) < QUEUED_LINES * 2


def test_closing_writes_what_was_queued() -> None:
    stream = io.StringIO()
    printer = Printer(stream)
    for number in range(100):
        printer.line(str(number))
    printer.close()
    assert stream.getvalue().splitlines() == [str(number) for number in range(100)]
