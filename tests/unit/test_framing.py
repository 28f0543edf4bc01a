"""The stream of documents: its bytes, cut anywhere, damaged anyhow."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docarray.errors import FormatError, InvalidValueError, LimitError, TruncatedError
from docarray.formats.framing import FrameReader, read_frames, write_frames
from docarray.formats.limits import DEFAULT_LIMITS, Limits

MESSAGES = [b'ab', b'', b'c' * 300]


def stream(messages: list[bytes], known: bool = True) -> bytes:
    return b''.join(write_frames(messages, len(messages) if known else None))


def read(data: bytes, step: int = 1 << 20, limits: Limits = DEFAULT_LIMITS) -> list[bytes]:
    return list(read_frames((data[i : i + step] for i in range(0, len(data), step)), limits))


def test_the_bytes_are_those_of_docarray_0_41() -> None:
    assert stream([b'ab', b'']) == b'\x02' + (2).to_bytes(8, 'big') + b'\0\0\0\x02ab' + b'\0\0\0\0'


@given(st.lists(st.binary(max_size=40), max_size=8), st.booleans(), st.data())
def test_streams_are_read_however_they_are_cut(
    messages: list[bytes], known: bool, data: st.DataObject
) -> None:
    whole = stream(messages, known)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert list(read_frames(pieces, DEFAULT_LIMITS)) == messages


def test_the_version_of_february_2023_is_read() -> None:
    reader = FrameReader([b'\x01' + stream(MESSAGES)[1:]], DEFAULT_LIMITS)
    assert list(reader.messages()) == MESSAGES
    assert (reader.version, reader.count, reader.whole) == (1, 3, 3)


@pytest.mark.parametrize('known', [True, False])
def test_a_stream_that_ends_too_early_says_how_many_messages_are_whole(known: bool) -> None:
    data = stream(MESSAGES, known)
    ends = [9 + 4 + 2, 9 + 4 + 2 + 4, 9 + 4 + 2 + 4 + 4 + 300]
    for cut in range(len(data)):
        got = []
        with pytest.raises(TruncatedError) as caught:
            got.extend(read_frames([data[:cut]], DEFAULT_LIMITS))
        assert caught.value.whole == sum(cut >= end for end in ends)
        assert f'byte {cut}' in str(caught.value)


def test_messages_come_before_the_stream_is_read_to_its_end() -> None:
    asked = 0

    def chunks():
        nonlocal asked
        for message in write_frames((b'x' * 1000 for _ in range(100)), 100):
            asked += 1
            yield message

    next(read_frames(chunks(), DEFAULT_LIMITS))
    assert asked == 3


@pytest.mark.parametrize('version', [0, 3, 128, 255])
def test_other_versions_are_refused(version: int) -> None:
    with pytest.raises(FormatError, match=f'byte 0: got version {version}'):
        read(bytes([version]) + stream(MESSAGES)[1:])


def test_what_stands_behind_the_end_is_refused_with_its_place() -> None:
    data = stream(MESSAGES)
    with pytest.raises(FormatError, match=f'byte {len(data)}: got more bytes'):
        read(data + b'\0', step=7)


def test_an_end_mark_before_the_number_of_documents_is_reached_is_refused() -> None:
    data = b'\x02' + (2).to_bytes(8, 'big') + b'\0\0\0\x01a' + b'\xff\xff\xff\xff'
    with pytest.raises(FormatError, match='byte 14: got an end mark'):
        read(data)


def test_nothing_is_allocated_for_a_length_that_is_only_declared() -> None:
    data = b'\x02' + (1).to_bytes(8, 'big') + (2**32 - 2).to_bytes(4, 'big') + b'x'
    tracemalloc.start()
    try:
        with pytest.raises(TruncatedError):
            read(data, limits=Limits(size=1 << 40))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_limits_hold_for_declared_numbers_and_for_those_that_come() -> None:
    with pytest.raises(LimitError, match='limits=Limits\\(documents=3\\)'):
        read(stream(MESSAGES), limits=Limits(documents=2))
    with pytest.raises(LimitError, match='got 3 documents'):
        read(stream(MESSAGES, known=False), limits=Limits(documents=2))
    with pytest.raises(LimitError, match='document 2: got 300 bytes'):
        read(stream(MESSAGES), limits=Limits(size=299))


def test_a_writer_that_miscounted_says_so() -> None:
    with pytest.raises(InvalidValueError, match='got 3 documents, wanted 2'):
        b''.join(write_frames(MESSAGES, 2))
