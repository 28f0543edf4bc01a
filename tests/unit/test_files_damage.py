"""Files that have changed or end too early: noticed always, and as much read as is whole."""

import io
import random
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import ChecksumError, DocArrayError, FormatError, TruncatedError
from docarray.formats.files.compression import COMPRESSIONS, decompress
from docarray.formats.limits import Limits
from docarray.typing import NdArray

pytest.importorskip('lz4')
pa = pytest.importorskip('pyarrow')
pytest.importorskip('google.protobuf')

SEALED = ('protobuf', 'protobuf-array', 'arrow', 'arrow-file', 'feather', 'parquet')
Vector = NdArray[2, 'float32']


class Point(BaseDocument):
    name: str
    vec: Vector


@cache
def points(count: int = 3) -> DocumentArray[Point]:
    return DocumentArray[Point](
        Point(id=f'id-{number}', name=f'p{number}', vec=[number, 1]) for number in range(count)
    )


def saved(array: Any, protocol: str, compress: str | None) -> bytes:
    file = io.BytesIO()
    array.save_binary(file, protocol, compress)
    return file.getvalue()


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def salvaged(cls: Any, data: Any, *how: Any) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        found = cls.load_binary(data, *how, salvage=True)
    assert [warning.category for warning in caught] == [UserWarning]
    assert f'the {len(found)} documents before' in str(caught[0].message)
    return found


def assert_start_of(found: Any, wanted: Any) -> None:
    found = list(found)
    assert [document.id for document in found] == wanted.id[: len(found)]
    assert found == list(wanted[: len(found)])


# -- flipped bits -------------------------------------------------------------------------------------


def bits_of(data: bytes, every: bool) -> Iterator[int]:
    """Every bit; or those at both ends, where the structure is, and some between."""
    last = 8 * len(data)
    return (bit for bit in range(last) if every or bit < 200 or bit > last - 200 or bit % 23 == 0)


@pytest.mark.parametrize('compress', [None, *COMPRESSIONS])
@pytest.mark.parametrize('protocol', SEALED)
def test_every_flipped_bit_is_noticed(protocol: str, compress: str | None) -> None:
    data = saved(points(2), protocol, compress)
    assert len(DocumentArray[Point].load_binary(data, protocol, compress)) == 2
    for bit in bits_of(data, every='protobuf' in protocol or (compress is None and protocol != 'feather')):
        with pytest.raises(DocArrayError):
            DocumentArray[Point].load_binary(flipped(data, bit), protocol, compress)


@pytest.mark.parametrize('protocol', ['protobuf-array', 'arrow'])
def test_every_flipped_bit_of_columns_is_noticed(protocol: str) -> None:
    data = saved(points(2).stack(), protocol, None)
    assert len(DocumentArrayStacked[Point].load_binary(data, protocol)) == 2
    for bit in range(0, 8 * len(data), 3):
        with pytest.raises(DocArrayError):
            DocumentArrayStacked[Point].load_binary(flipped(data, bit), protocol)


Long = NdArray[4096, 'float32']


class Embedded(BaseDocument):
    vec: Long


@cache
def embedded(count: int = 200) -> DocumentArray[Embedded]:
    rng = np.random.default_rng(0)
    return DocumentArray[Embedded](
        Embedded(id=str(number), vec=rng.random(4096, np.float32)) for number in range(count)
    )


@pytest.mark.parametrize('compress', [None, 'lz4'])
@pytest.mark.parametrize('protocol', ['protobuf', 'protobuf-array', 'arrow', 'arrow-file', 'parquet'])
def test_two_hundred_random_bits_of_larger_files(protocol: str, compress: str | None, tmp_path: Path) -> None:
    rows = embedded(80)
    data = saved(rows, protocol, compress)
    assert len(data) > 1 << 20
    rng, path = random.Random(0), tmp_path / 'rows'
    for number in range(200):
        path.write_bytes(flipped(data, rng.randrange(8 * len(data))))
        with pytest.raises(DocArrayError):
            DocumentArray[Embedded].load_binary(path, protocol, compress)
        if number % 10 == 0 and compress is None:
            documents: list[Any] = []
            with pytest.raises(DocArrayError):
                for document in DocumentArray[Embedded].load_binary(path, protocol, streaming=True):
                    documents.append(document)
            assert_start_of(documents, rows)


@pytest.mark.parametrize('protocol', ['arrow', 'arrow-file', 'parquet'])
def test_the_error_says_which_mebibyte_has_changed(protocol: str) -> None:
    data = saved(embedded(), protocol, None)
    with pytest.raises(ChecksumError, match='bytes 1048576 to 2097152: got a wrong checksum'):
        DocumentArray[Embedded].load_binary(flipped(data, 8 * 1_500_000), protocol)


@pytest.mark.parametrize('protocol', ['protobuf', 'arrow', 'arrow-file'])
def test_what_comes_before_the_damage_is_salvaged(protocol: str) -> None:
    rows = embedded()
    data = saved(rows, protocol, None)
    found = salvaged(DocumentArray[Embedded], flipped(data, 8 * 3_100_000), protocol)
    assert 100 < len(found) < 200
    assert_start_of(found, rows)


@pytest.mark.parametrize('protocol', SEALED)
def test_damage_in_a_pipe_is_noticed_at_the_end_at_the_latest(protocol: str) -> None:
    data = saved(embedded(), protocol, 'gzip')
    for bit in (8000, 8 * len(data) - 1000, 8 * (len(data) // 2)):
        pipe = io.BytesIO(flipped(data, bit))
        with pytest.raises(DocArrayError):
            list(DocumentArray[Embedded].load_binary(pipe, protocol, 'gzip', streaming=True))


# -- files that end too early -------------------------------------------------------------------------

#: Files of no bytes are files of no documents.
EMPTY_IS_WHOLE = {'protobuf-array'}


@pytest.mark.parametrize('compress', [None, *COMPRESSIONS])
@pytest.mark.parametrize('protocol', SEALED)
def test_every_cut_is_noticed_and_what_is_whole_is_salvaged(protocol: str, compress: str | None) -> None:
    rows, cls = points(), DocumentArray[Point]
    data = saved(rows, protocol, compress)
    start = 1 if protocol in EMPTY_IS_WHOLE else 0
    counts = []
    for cut in range(start, len(data), 1 if compress is None and 'protobuf' in protocol else 5):
        part = data[:cut]
        with pytest.raises(FormatError) as caught:
            cls.load_binary(part, protocol, compress)
        found = salvaged(cls, part, protocol, compress)
        assert_start_of(found, rows)
        if isinstance(caught.value, TruncatedError):
            assert caught.value.whole == len(found)
        counts.append(len(found))
    assert counts[0] == 0
    assert counts == sorted(counts) or compress in ('lzma', 'zlib')
    if protocol in ('protobuf', 'protobuf-array') and compress is None:
        assert set(counts) >= {0, 1, 2}


@pytest.mark.parametrize(('protocol', 'compress'), [('arrow', None), ('arrow', 'lz4'), ('arrow-file', None)])
def test_record_batches_before_the_cut_are_salvaged(protocol: str, compress: str | None) -> None:
    rows = embedded()
    data = saved(rows, protocol, compress)
    part = data[: int(len(data) * 0.9)]
    found = salvaged(DocumentArray[Embedded], part, protocol, compress)
    assert 100 <= len(found) < 200
    assert_start_of(found, rows)
    with pytest.raises(TruncatedError, match='salvage=True returns them') as caught:
        DocumentArray[Embedded].load_binary(io.BytesIO(part), protocol, compress)
    assert caught.value.whole == len(found)


@pytest.mark.parametrize('protocol', ['json', 'json-array'])
@pytest.mark.parametrize('compress', [None, 'gzip', 'lz4'])
def test_json_that_ends_too_early(protocol: str, compress: str | None) -> None:
    rows, cls = points(), DocumentArray[Point]
    data = saved(rows, protocol, compress)
    for cut in range(1, len(data)):
        part = data[:cut]
        if compress is None and protocol == 'json':
            line = part.rpartition(b'\n')[2]
            if not line or line.endswith(b']}'):
                assert_start_of(cls.load_binary(part, protocol), rows)  # nothing tells that there was more
                continue
        with pytest.raises(TruncatedError) as caught:
            cls.load_binary(part, protocol, compress)
        found = salvaged(cls, part, protocol, compress)
        assert caught.value.whole == len(found)
        assert_start_of(found, rows)


def test_a_broken_line_is_named_and_what_is_before_it_salvaged() -> None:
    lines = saved(points(), 'json', None).splitlines()
    data = b'\n'.join([lines[0], lines[1][:-4], lines[2]])
    with pytest.raises(FormatError, match=r'\(row 1\): got .Invalid JSON: EOF') as caught:
        DocumentArray[Point].load_binary(data, 'json')
    assert not isinstance(caught.value, TruncatedError)
    assert salvaged(DocumentArray[Point], data, 'json').id == ['id-0']


def test_columns_cannot_be_cut() -> None:
    data = saved(points().stack(), 'protobuf-array', None)
    for cut in range(1, len(data)):
        with pytest.raises(FormatError) as caught:
            DocumentArrayStacked[Point].load_binary(data[:cut], 'protobuf-array')
        assert getattr(caught.value, 'whole', 0) == 0
        assert len(salvaged(DocumentArrayStacked[Point], data[:cut], 'protobuf-array')) == 0


def test_salvage_of_a_file_that_is_whole_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        for protocol in SEALED:
            data = saved(points(), protocol, None)
            assert len(DocumentArray[Point].load_binary(data, protocol, salvage=True)) == 3


def test_streams_are_salvaged_too() -> None:
    data = saved(points(), 'protobuf', 'zstd')[:-1]
    with pytest.warns(UserWarning, match='the 2 documents before'):
        documents = list(
            DocumentArray[Point].load_binary(data, 'protobuf', 'zstd', streaming=True, salvage=True)
        )
    assert_start_of(documents, points())
    for protocol in ('json', 'json-array'):
        short = saved(points(1), protocol, 'gzip')[:-1]
        (point,) = salvaged(DocumentArray[Point], short, protocol, 'gzip')
        with pytest.warns(UserWarning, match='the 1 documents before'):
            documents = list(
                DocumentArray[Point].load_binary(short, protocol, 'gzip', streaming=True, salvage=True)
            )
        assert documents == [point]


# -- other readers and writers ------------------------------------------------------------------------


def test_other_libraries_read_sealed_files(tmp_path: Path) -> None:
    parquet = pytest.importorskip('pyarrow.parquet')
    feather = pytest.importorskip('pyarrow.feather')
    for array in (points(), points().stack()):
        for protocol in ('arrow', 'arrow-file', 'feather', 'parquet'):
            array.save_binary(tmp_path / protocol, protocol)
        with pa.OSFile(str(tmp_path / 'arrow')) as file:
            tables = [pa.ipc.open_stream(file).read_all()]
        with pa.memory_map(str(tmp_path / 'arrow-file')) as file:
            tables.append(pa.ipc.open_file(file).read_all())
        tables.append(feather.read_table(tmp_path / 'feather'))
        tables.append(parquet.read_table(tmp_path / 'parquet'))
        for table in tables:
            assert table['name'].to_pylist() == points().name


@pytest.mark.parametrize('library', ['polars', 'duckdb', 'pandas'])
def test_data_frames_read_sealed_files(library: str, tmp_path: Path) -> None:
    module = pytest.importorskip(library)
    points().save_binary(tmp_path / 'a.parquet')
    points().save_binary(tmp_path / 'a.arrow')
    if library == 'duckdb':
        rows = module.sql(f"select name from '{tmp_path / 'a.parquet'}'").fetchall()
        assert [name for (name,) in rows] == points().name
        return
    assert list(module.read_parquet(tmp_path / 'a.parquet')['name']) == points().name
    read = module.read_ipc if library == 'polars' else module.read_feather
    assert list(read(tmp_path / 'a.arrow')['name']) == points().name


@pytest.mark.parametrize('compress', [None, *COMPRESSIONS])
@pytest.mark.parametrize('protocol', SEALED)
def test_what_has_no_checksum_is_read_without(protocol: str, compress: str | None, tmp_path: Path) -> None:
    (tmp_path / 'points').write_bytes(points().to_bytes(protocol, compress))
    found = DocumentArray[Point].load_binary(tmp_path / 'points', protocol, compress)
    assert_start_of(found, points())
    assert len(found) == 3


@pytest.mark.parametrize('protocol', ['protobuf-array', 'arrow', 'arrow-file', 'parquet'])
def test_files_may_be_compressed_and_decompressed_by_hand(protocol: str) -> None:
    import gzip

    cls = DocumentArray[Point]
    by_hand = gzip.compress(saved(points(), protocol, None))
    assert len(cls.load_binary(by_hand, protocol, 'gzip')) == 3
    opened = decompress(saved(points(), protocol, 'gzip'), 'gzip', Limits())
    assert len(cls.load_binary(opened, protocol)) == 3


def test_protobuf_files_are_messages_with_fields_that_others_skip() -> None:
    from docarray.proto import DocListProto, DocVecProto

    message = DocListProto.FromString(saved(points(), 'protobuf-array', None))
    assert [document.data['name'].text for document in message.docs] == points().name
    assert (message.stored, message.checksum != 0) == ('none', True)
    columns = DocVecProto.FromString(saved(points().stack(), 'protobuf-array', None))
    assert len(columns.any_columns['name'].data) == 3
