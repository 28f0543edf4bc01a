"""Compression by name, and the seals of compressed data."""

from __future__ import annotations

import array
import bz2
import gzip
import lzma
import random
import shutil
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docarray.errors import FormatError, InvalidValueError, LimitError, MissingExtraError, TruncatedError
from docarray.formats.files.compression import (
    COMPRESSIONS,
    compress,
    compress_stream,
    decompress,
    decompress_stream,
)
from docarray.formats.files.tails import FILE_TAILS, FRAME_TAILS, split_tail, untailed_chunks
from docarray.formats.limits import Limits
from tests.unit.test_linear import check

lz4_frame = pytest.importorskip('lz4.frame')
zstd = pytest.importorskip('compression.zstd' if sys.version_info >= (3, 14) else 'backports.zstd')

TEXT = bytes(random.Random(1).choices(b'abcdef', k=300))
OTHERS: dict[str, Any] = {
    'lz4': lz4_frame,
    'zstd': zstd,
    'gzip': gzip,
    'bz2': bz2,
    'lzma': lzma,
    'zlib': zlib,
}
every = pytest.mark.parametrize('name', COMPRESSIONS)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def test_these_are_the_names() -> None:
    assert set(COMPRESSIONS) == set(OTHERS)


@every
@pytest.mark.parametrize(
    'data', [b'', b'a', TEXT, bytes(3_000_000), random.Random(1).randbytes(1_200_000)], ids=len
)
def test_other_libraries_read_ours_and_we_theirs(name: str, data: bytes) -> None:
    assert OTHERS[name].decompress(compress(data, name)) == data
    assert decompress(OTHERS[name].compress(data), name, Limits()) == data
    assert decompress(memoryview(compress(memoryview(data), name)), name, Limits()) == data


@every
@settings(max_examples=25, deadline=None)
@given(data=st.binary(max_size=2000), size=st.integers(1, 300))
def test_streams_may_be_cut_anywhere(name: str, data: bytes, size: int) -> None:
    packed = b''.join(compress_stream(pieces(data, size), name))
    assert b''.join(decompress_stream(pieces(packed, size), name)) == data


@every
def test_joined_streams_are_read_as_one(name: str) -> None:
    assert decompress(compress(b'a', name) + compress(TEXT, name), name, Limits()) == b'a' + TEXT


@every
def test_the_output_depends_on_the_input_alone(name: str) -> None:
    code = f"""
import sys
from docarray.formats.files.compression import compress
sys.stdout.write(compress({TEXT!r}, {name!r}).hex())
"""
    other = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert other == compress(TEXT, name).hex()


@every
def test_what_ends_too_early_is_truncated(name: str) -> None:
    packed = compress(TEXT, name)
    for cut in range(len(packed)):
        with pytest.raises(TruncatedError):
            decompress(packed[:cut], name, Limits())


@every
def test_what_is_not_compressed_so_is_refused_with_the_place(name: str) -> None:
    text = b'this is not compressed in any way'
    with pytest.raises(FormatError, match=f'{name} data, before byte {len(text)}'):
        decompress(text, name, Limits())


@every
def test_a_bomb_takes_no_more_memory_than_allowed(name: str) -> None:
    bomb = b''.join(compress_stream((bytes(1 << 20) for _ in range(64)), name))
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(LimitError, match='wanted at most 4194304'):
            decompress(bomb, name, Limits(size=4 << 20))
        for piece in decompress_stream([bomb], name):
            assert len(piece) <= 1 << 20
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


@every
def test_many_short_streams_cost_what_their_length_does(name: str) -> None:
    few, many = ([compress(b'', name)] * count for count in (2000, 60_000))
    check(lambda streams: decompress(b''.join(streams), name, Limits()), few, many)


@every
def test_arrays_of_numbers_are_compressed_as_their_bytes(name: str) -> None:
    numbers = array.array('d', range(100))
    assert decompress(compress(numbers, name), name, Limits()) == numbers.tobytes()


def test_a_dictionary_of_four_gibibytes_is_refused() -> None:
    huge = b'\x5d' + (2**32 - 1).to_bytes(4, 'little') + b'\xff' * 8 + bytes(20)  # the old .lzma form
    with pytest.raises(LimitError):
        decompress(huge, 'lzma', Limits())


@pytest.mark.parametrize('name', ['snappy', '', 'GZIP', 'gz', ['gzip']])
def test_unknown_names_are_refused_with_those_there_are(name: Any) -> None:
    with pytest.raises(InvalidValueError, match="'lz4' or 'zstd' or 'gzip'"):
        compress(b'', name)


@pytest.mark.parametrize(('name', 'module'), [('lz4', 'lz4.frame'), ('zstd', 'backports.zstd')])
def test_a_package_that_is_missing_is_named(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if module != OTHERS[name].__name__:
        pytest.skip('this Python has it in its standard library')
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match="pip install 'docarray\\[compress\\]'"):
        compress(b'', name)
    with pytest.raises(MissingExtraError, match="pip install 'docarray\\[compress\\]'"):
        decompress(b'a', name, Limits())


# -- seals --------------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize('tails', [FILE_TAILS, FRAME_TAILS], ids=['file', 'frame'])
def test_every_flipped_bit_of_sealed_data_is_noticed(name: str, tails: dict[str, Any]) -> None:
    packed = compress(TEXT[:60], name)
    sealed = packed + tails[name].pack(crc32(packed))
    assert split_tail(sealed, tails[name], 'here') == (packed, True)
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            body, _ = split_tail(bytes(changed), tails[name], 'here')
            decompress(body, name, Limits())


@every
@pytest.mark.parametrize('tails', [FILE_TAILS, FRAME_TAILS], ids=['file', 'frame'])
def test_other_libraries_read_sealed_data(name: str, tails: dict[str, Any]) -> None:
    packed = compress(TEXT, name)
    assert OTHERS[name].decompress(packed + tails[name].pack(crc32(packed))) == TEXT


@every
def test_data_without_a_seal_are_read(name: str) -> None:
    packed = compress(TEXT, name)
    assert split_tail(packed, FILE_TAILS[name], 'here') == (packed, False)
    assert split_tail(b'', FILE_TAILS[name], 'here') == (b'', False)


@every
@given(size=st.integers(1, 400))
@settings(max_examples=20, deadline=None)
def test_seals_are_found_in_streams_cut_anywhere(name: str, size: int) -> None:
    packed = compress(TEXT, name)
    sealed = packed + FILE_TAILS[name].pack(crc32(packed))
    for data, wanted in ((packed, False), (sealed, True)):
        found: list[bool] = []
        assert b''.join(untailed_chunks(pieces(data, size), FILE_TAILS[name], 'here', found.append)) == packed
        assert found == [wanted]


@pytest.mark.parametrize(
    ('name', 'command'),
    [
        ('gzip', 'gzip -dc'),
        ('bz2', 'bzip2 -dc'),
        ('lzma', 'xz -dc'),
        ('zstd', 'zstd -dc'),
        ('lz4', 'lz4 -dc'),
    ],
)
def test_the_tools_of_a_compression_read_sealed_files(name: str, command: str) -> None:
    program, *options = command.split()
    if shutil.which(program) is None:
        pytest.skip(f'there is no {program} here')
    packed = compress(TEXT, name)
    sealed = packed + FILE_TAILS[name].pack(crc32(packed))
    done = subprocess.run([program, *options], input=sealed, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (TEXT, b'')
