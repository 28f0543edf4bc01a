"""Arrow streams, files, Feather and Parquet: streaming, memory, limits, damage."""

from __future__ import annotations

import io
import mmap
import random
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import (
    DocArrayError,
    DtypeError,
    FormatError,
    InvalidValueError,
    KindError,
    LimitError,
    TensorError,
    TruncatedError,
)
from docarray.formats import Format, get_format
from docarray.formats.building import array_of, batch_of
from docarray.formats.limits import Limits
from docarray.schema import schema_of
from docarray.typing import NdArray

pa = pytest.importorskip('pyarrow')

from tests.unit.test_arrow import Page, address, all_same, books, pages  # noqa: E402  (it needs pyarrow)

ALL = [
    ('arrow', {}),
    ('arrow-file', {}),
    ('feather', {'compression': 'zstd'}),
    ('parquet', {'row_group_size': 2}),
]
FORMATS = [get_format(name, **options) for name, options in ALL]
named = pytest.mark.parametrize('form', FORMATS, ids=[name for name, _ in ALL])


class Open(BaseDocument):
    n: int
    tensor: NdArray | None


class Vector(BaseDocument):
    vector: NdArray[4, np.float32]


def opened(*shapes: Any) -> Any:
    return DocumentArray[Open](
        Open(n=i, tensor=None if shape is None else np.full(shape, i)) for i, shape in enumerate(shapes)
    )


def parts(array: Any, size: int = 2) -> list[Any]:
    return [batch_of(array[start : start + size]) for start in range(0, len(array), size)]


@named
@pytest.mark.parametrize('make', [books, lambda: pages(7), lambda: opened((2,), (2, 3), None, (0,), (2,))])
def test_whole_and_in_parts(form: Format, make: Any) -> None:
    array = make()
    cls, schema = type(array), array.schema
    assert all_same(array_of(cls, form.loads(form.dumps(batch_of(array)), schema)), array)
    data = b''.join(form.dump_stream(parts(array)))
    for size in (1, 7, 1000, len(data)):
        chunks = (data[start : start + size] for start in range(0, len(data), size))
        got = [row for batch in form.load_stream(chunks, schema) for row in array_of(cls, batch)]
        assert all_same(got, array)
    assert all_same(array_of(cls, form.loads(data, schema)), array)


@named
def test_a_format_is_one(form: Format) -> None:
    assert isinstance(form, Format)
    assert list(form.dump_stream([])) == []
    assert list(form.load_stream([], schema_of(Page))) == []


@pytest.mark.parametrize('name', ['arrow', 'arrow-file'])
def test_batches_are_read_as_they_arrive(name: str) -> None:
    form = get_format(name)
    pieces = list(form.dump_stream(parts(pages(6))))
    seen = []

    def arriving() -> Iterator[bytes]:
        for place, piece in enumerate(pieces):
            seen.append(place)
            yield piece

    batches = form.load_stream(arriving(), schema_of(Page))
    next(batches)
    assert seen == [0]
    next(batches)
    assert seen == [0, 1]
    assert len(list(batches)) == 1


def test_a_stream_starts_anew_where_tensors_change() -> None:
    form = get_format('arrow')
    array = opened((2,), (2,), (3,), (3,))
    data = b''.join(form.dump_stream(parts(array)))
    first = pa.ipc.open_stream(data)
    assert first.schema.field('tensor').type.shape == [2]
    assert len(first.read_all()) == 2  # other readers stop at the mark
    assert sum(len(batch) for batch in form.load_stream([data], array.schema)) == 4


def test_files_of_parts_can_be_read_by_others() -> None:
    array = pages(5)
    file = pa.ipc.open_file(b''.join(get_format('arrow-file').dump_stream(parts(array))))
    assert [file.get_batch(i).num_rows for i in range(file.num_record_batches)] == [2, 2, 1]
    pq, feather = pytest.importorskip('pyarrow.parquet'), pytest.importorskip('pyarrow.feather')
    data = b''.join(get_format('parquet').dump_stream(parts(array)))
    assert pq.read_table(io.BytesIO(data))['number'].to_pylist() == [0, 1, 2, 3, 4]
    packed = get_format('feather', compression='lz4').dumps(batch_of(array))
    assert feather.read_table(io.BytesIO(packed))['number'].to_pylist() == [0, 1, 2, 3, 4]


def test_files_of_others_are_read() -> None:
    table = pa.table({'n': pa.array([1, 2, 2]).dictionary_encode(), 'tensor': [[1], None, [2, 3]]})
    stream, file, parquet = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table, 2)
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, 2)
    pytest.importorskip('pyarrow.parquet').write_table(table, parquet)
    for name, data in (('arrow', stream), ('arrow-file', file), ('parquet', parquet)):
        batch = get_format(name).loads(data.getvalue(), schema_of(Open))
        assert [row.n for row in batch.rows()] == [1, 2, 2]
        assert batch.rows()[2].tensor.tolist() == [2, 3]


def test_parquet_keeps_tensors_that_are_missing_or_empty() -> None:
    form = get_format('parquet')
    for array in (opened((2,), None, (2,)), opened((0,), (0,)), opened((2, 0), None), opened(None, None)):
        for source in (array, array.stack()):
            assert all_same(form.loads(form.dumps(batch_of(source)), array.schema).rows(), array)


def test_streams_of_files_have_the_types_of_the_class() -> None:
    good = DocumentArray[Vector]([Vector(vector=np.ones(4, np.float32))])
    bad = DocumentArray[Vector]([Vector.model_construct(id='x', vector=np.ones(5, np.float32))])
    for name in ('arrow-file', 'parquet'):
        with pytest.raises(KindError, match=r'Vector\.vector'):
            list(get_format(name).dump_stream([batch_of(good), batch_of(bad)]))


# -- memory -------------------------------------------------------------------------------------------


@pytest.mark.parametrize('name', ['arrow', 'arrow-file', 'feather'])
def test_columns_are_views_of_the_message(name: str) -> None:
    array = DocumentArray[Vector](Vector(vector=np.full(4, i, np.float32)) for i in range(2000)).stack()
    data = get_format(name).dumps(array.batch)
    start = address(np.frombuffer(data, np.uint8))
    for given in (data, memoryview(data), bytearray(data)):
        batch = get_format(name).loads(given, array.schema)
        first = address(np.frombuffer(given, np.uint8))
        for part in (batch.data['vector'].data, np.frombuffer(batch.data['id'].buffer, np.uint8)):
            assert first <= address(part) < first + len(data)
        assert not batch.data['vector'].data.flags.writeable
    assert start == address(np.frombuffer(data, np.uint8))


def test_a_mapped_file_is_read_where_it_is(tmp_path: Path) -> None:
    array = DocumentArray[Vector](Vector(vector=np.full(4, i, np.float32)) for i in range(100)).stack()
    path = tmp_path / 'vectors.arrow'
    path.write_bytes(get_format('arrow').dumps(array.batch))
    with path.open('rb') as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    batch = get_format('arrow').loads(memoryview(mapped), array.schema)
    first = address(np.frombuffer(mapped, np.uint8))
    assert first <= address(batch.data['vector'].data) < first + len(mapped)
    assert batch.rows()[99].vector.tolist() == [99] * 4


# -- limits and damage --------------------------------------------------------------------------------


@named
def test_limits(form: Format) -> None:
    name, options = next((name, options) for name, options in ALL if name == form.name)
    data = form.dumps(batch_of(pages(5)))
    for limits in (Limits(documents=4), Limits(columns=3), Limits(size=20), Limits(depth=0)):
        small = get_format(name, **options, limits=limits)
        with pytest.raises(LimitError):
            small.loads(data, schema_of(Page))
        with pytest.raises(LimitError):
            list(small.load_stream([data], schema_of(Page)))


def test_what_is_declared_is_not_allocated() -> None:
    form = get_format('feather', compression='zstd')
    array = DocumentArray[Vector](Vector(vector=np.zeros(4, np.float32)) for _ in range(5000))
    data = bytearray(form.dumps(batch_of(array)))
    size = struct.pack('<q', 5000 * 16)  # what the buffer of the vectors has, decompressed
    assert data.count(size) == 1
    at = data.index(size)
    data[at : at + 8] = struct.pack('<q', 1 << 44)
    with pytest.raises(LimitError):
        form.loads(bytes(data), array.schema)
    plain = bytearray(get_format('arrow').dumps(batch_of(array)))
    rows = struct.pack('<q', 5000)
    while rows in plain:
        at = plain.index(rows)
        plain[at : at + 8] = struct.pack('<q', 1 << 40)
    with pytest.raises((FormatError, LimitError)):
        get_format('arrow').loads(bytes(plain), array.schema)


@named
def test_every_cut_is_noticed(form: Format) -> None:
    array = pages(4)
    data = b''.join(form.dump_stream(parts(array)))
    for end in [*range(1, len(data), 37), len(data) - 1]:
        with pytest.raises((TruncatedError, FormatError)):
            form.loads(data[:end], array.schema)


@pytest.mark.parametrize('name', ['arrow', 'arrow-file'])
def test_batches_before_a_cut_are_read(name: str) -> None:
    pieces = list(get_format(name).dump_stream(parts(pages(6))))
    data = b''.join(pieces[:2])
    for end in (len(data), len(data) - 9):
        found = []
        with pytest.raises(TruncatedError) as info:
            for batch in get_format(name).load_stream([data[:end]], schema_of(Page)):
                found += batch.rows()
        assert len(found) == info.value.whole == (4 if end == len(data) else 2)


@named
@pytest.mark.parametrize('data', [b'x', b'ARROW1', b'PAR1PAR1', b'{"a": 1}' * 9, b'\xff' * 64, b'\0' * 64])
def test_bytes_of_something_else(form: Format, data: bytes) -> None:
    with pytest.raises(FormatError):
        form.loads(data, schema_of(Page))
    with pytest.raises(FormatError):
        list(form.load_stream([data], schema_of(Page)))


def test_errors_of_the_source_come_through() -> None:
    def broken() -> Iterator[bytes]:
        yield get_format('arrow').dumps(batch_of(pages(1)))[:100]
        raise ConnectionError('gone')

    with pytest.raises(ConnectionError, match='gone'):
        list(get_format('arrow').load_stream(broken(), schema_of(Page)))


def test_damage_never_ends_the_process() -> None:
    """Bits are flipped in a process of its own: what pyarrow is not kept from would end it."""
    code = """
        import faulthandler, random, sys
        faulthandler.enable()
        from tests.unit.test_arrow_formats import *
        rng = random.Random(int(sys.argv[1]))
        for form in FORMATS:
            for array in (books(), pages(3)):
                data = form.dumps(batch_of(array))
                for _ in range(150):
                    damage(form, bytearray(data), array.schema, rng)
        print('survived')
    """
    made = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', textwrap.dedent(code), '3'],
        capture_output=True,
        text=True,
        timeout=120,
        env={'PYTHONPATH': ':'.join(sys.path)},
    )
    assert made.stdout == 'survived\n', made.stderr[-2000:]


def damage(form: Format, data: bytearray, schema: Any, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 4])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    try:
        form.loads(bytes(data), schema).rows()
    except DocArrayError:
        pass


def test_options_are_checked() -> None:
    for name, options in (
        ('feather', {'compression': 'gzip'}),
        ('parquet', {'compression': 'lzma'}),
        ('parquet', {'row_group_size': 0}),
    ):
        with pytest.raises(InvalidValueError, match=name):
            get_format(name, **options)


@pytest.mark.parametrize('protocol', ['arrow', 'arrow-file', 'parquet', 'json-array'])
def test_arrays_of_dates_are_refused_before_they_are_written(protocol: str) -> None:
    class Dated(BaseDocument):
        when: NdArray

    dates = np.array(['2026-01-01'], 'datetime64[D]')  # as files of earlier versions may hold them
    array = DocumentArray[Dated].construct([Dated.model_construct(id='a', when=dates)])
    with pytest.raises((DtypeError, TensorError), match='datetime64'):
        array.to_bytes(protocol)
