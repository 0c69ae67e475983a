"""Records are read back as they were written, whatever a crash or a bad disk did around them."""

import pytest

from mcp_runtime.metering.records import HEADER_BYTES, parse, record

CALLS = [(number, b"call %d" % number) for number in range(1, 6)]
WRITTEN = b"".join(record(number, payload) for number, payload in CALLS)


def test_what_was_written_is_read() -> None:
    assert parse(WRITTEN, is_end=True) == (CALLS, len(WRITTEN), 0)


@pytest.mark.parametrize("cut", range(1, HEADER_BYTES + 6))
def test_a_record_that_goes_on_is_waited_for_and_a_torn_one_is_counted(cut: int) -> None:
    part = WRITTEN[:-cut]
    done = len(WRITTEN) - len(record(*CALLS[-1]))
    assert parse(part, is_end=False) == (CALLS[:-1], done, 0)
    assert parse(part, is_end=True) == (CALLS[:-1], len(part), 1)


@pytest.mark.parametrize("at", range(len(record(1, b"call 1"))))
def test_one_damaged_byte_costs_one_record_alone(at: int) -> None:
    first = len(record(*CALLS[0]))
    damaged = bytearray(WRITTEN)
    damaged[first + at] ^= 0xFF
    assert parse(bytes(damaged), is_end=True) == ([CALLS[0], *CALLS[2:]], len(WRITTEN), 1)


def test_what_lies_between_records_is_skipped() -> None:
    data = record(1, b"a") + b"\0" * 4096 + record(2, b"b") + b"\xabJr1"
    assert parse(data, is_end=True) == ([(1, b"a"), (2, b"b")], len(data), 2)


def test_a_record_of_another_number_is_not_believed() -> None:
    forged = bytearray(record(1, b"a"))
    forged[12:20] = (7).to_bytes(8, "little")
    assert parse(bytes(forged), is_end=True).records == []
