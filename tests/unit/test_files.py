"""Arrays as bytes and files: protocols, compressions, names, streams and limits."""

import io
import json
import pickle
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.errors import (
    FormatError,
    InvalidValueError,
    LimitError,
    MissingExtraError,
    MissingFileError,
    TruncatedError,
    ValidationError,
)
from docarray.formats.files import protocols
from docarray.formats.files.compression import COMPRESSIONS
from docarray.formats.files.protocols import chosen
from docarray.formats.limits import Limits
from docarray.typing import NdArray

pytest.importorskip('lz4')
pytest.importorskip('pyarrow')
pytest.importorskip('google.protobuf')

PROTOCOLS = ('protobuf', 'protobuf-array', 'arrow', 'arrow-file', 'feather', 'parquet', 'json', 'json-array')
PICKLES = ('pickle', 'pickle-array')
GOLDEN = Path(__file__).parents[1] / 'golden' / 'docarray-0.41'


Three, Thousand = NdArray[3, 'float32'], NdArray[1024, 'float32']


class Note(BaseDocument):
    text: str


class Page(BaseDocument):
    title: str
    number: int
    vec: Three
    data: bytes = b'\xff\x00'
    maybe: float | None = None
    notes: DocumentArray[Note] = []


def pages(count: int = 5) -> DocumentArray[Page]:
    return DocumentArray[Page](
        Page(
            title=f'Page {number} é',
            number=number,
            vec=[number, 0, 1],
            maybe=None if number % 2 else number / 3,
            notes=[Note(text='x')] * (number % 3),
        )
        for number in range(count)
    )


def same(got: Any, wanted: Any) -> bool:
    """Whether two arrays have the same documents in the same order, ids and all."""
    got, wanted = list(got), list(wanted)
    return [document.id for document in got] == [document.id for document in wanted] and got == wanted


class Counted(io.BytesIO):
    """A file that knows how much of it was read, and can neither seek nor tell."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data

    def seekable(self) -> bool:
        return False

    def seek(self, *args: Any) -> int:
        raise io.UnsupportedOperation

    tell = seek


# -- round trips --------------------------------------------------------------------------------------


@pytest.mark.parametrize('compress', [None, *COMPRESSIONS])
@pytest.mark.parametrize('protocol', [*PROTOCOLS, *PICKLES])
def test_what_is_written_is_read_by_either_array_in_every_way(
    protocol: str, compress: str | None, tmp_path: Path
) -> None:
    rows = pages()
    path = tmp_path / 'pages'
    for array in (rows, rows.stack()):
        array.save_binary(path, protocol, compress)
        for cls in (DocumentArray[Page], DocumentArrayStacked[Page]):
            whole = cls.load_binary(path, protocol, compress)
            assert type(whole) is cls
            assert same(whole, rows)
            assert same(cls.load_binary(path, protocol, compress, streaming=True), rows)
            assert same(cls.load_binary(Counted(path.read_bytes()), protocol, compress), rows)
            assert same(cls.load_binary(Counted(path.read_bytes()), protocol, compress, streaming=True), rows)
            assert same(cls.from_bytes(path.read_bytes(), protocol, compress), rows)
            assert same(cls.from_bytes(array.to_bytes(protocol, compress), protocol, compress), rows)


@pytest.mark.parametrize('compress', [None, *COMPRESSIONS])
@pytest.mark.parametrize('protocol', ['protobuf', 'json', 'pickle'])
def test_one_document_as_bytes(protocol: str, compress: str | None) -> None:
    page = pages(3)[2]
    assert same([Page.from_bytes(page.to_bytes(protocol, compress), protocol, compress)], [page])
    assert same([Page.from_base64(page.to_base64(protocol, compress), protocol, compress)], [page])


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_no_documents(protocol: str, tmp_path: Path) -> None:
    for array in (pages(0), pages(0).stack()):
        array.save_binary(tmp_path / 'none', protocol)
        for cls in (DocumentArray[Page], DocumentArrayStacked[Page]):
            assert len(cls.load_binary(tmp_path / 'none', protocol)) == 0
            assert list(cls.load_binary(tmp_path / 'none', protocol, streaming=True)) == []
            assert len(cls.from_bytes(array.to_bytes(protocol), protocol)) == 0


def test_the_defaults_of_each_pair_are_equal(tmp_path: Path) -> None:
    rows = pages()
    assert same(DocumentArray[Page].from_bytes(rows.to_bytes()), rows)
    assert same(DocumentArray[Page].from_bytes(bytes(rows)), rows)
    assert same(DocumentArray[Page].from_base64(rows.to_base64()), rows)
    assert same([Page.from_bytes(bytes(rows[0])), Page.from_base64(rows[0].to_base64())], [rows[0]] * 2)
    rows.save_binary(tmp_path / 'pages')
    assert same(DocumentArray[Page].load_binary(tmp_path / 'pages'), rows)
    rows.save_binary(str(tmp_path / 'pages'), show_progress=True)
    assert same(DocumentArray[Page].load_binary((tmp_path / 'pages').read_bytes(), show_progress=True), rows)


@pytest.mark.parametrize('protocol', ['protobuf', 'protobuf-array', 'json', 'json-array', 'pickle'])
def test_arrays_of_any_documents(protocol: str, tmp_path: Path) -> None:
    mixed = DocumentArray([pages(1)[0], TextDoc(text='a')])
    mixed.save_binary(tmp_path / 'mixed', protocol)
    again = DocumentArray.load_binary(tmp_path / 'mixed', protocol)
    assert again.id == mixed.id
    assert again[1].text == 'a'
    assert [
        document.id for document in DocumentArray.load_binary(tmp_path / 'mixed', protocol, streaming=True)
    ] == mixed.id


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_documents_of_a_subclass_among_others_are_validated_as_the_class(
    protocol: str, tmp_path: Path
) -> None:
    class Longer(Note):
        more: int = 1

    notes = DocumentArray[Note]([Note(text='a')] + [Longer(text='b')] * 2)
    if protocol not in ('protobuf', 'protobuf-array', 'json', 'json-array'):
        return  # formats of columns have none for the field; they say so
    notes.save_binary(tmp_path / 'notes', protocol)
    again = DocumentArray[Note].load_binary(tmp_path / 'notes', protocol)
    assert again.text == ['a', 'b', 'b']
    assert {type(note) for note in again} == {Note}


@pytest.mark.parametrize('protocol', ['protobuf', 'protobuf-array', 'arrow', 'parquet', 'json'])
def test_other_classes_read_what_they_know_and_take_defaults_for_the_rest(
    protocol: str, tmp_path: Path
) -> None:
    class Brief(BaseDocument):
        title: str
        stars: int = 3

    pages().save_binary(tmp_path / 'pages', protocol)
    brief = DocumentArray[Brief].load_binary(tmp_path / 'pages', protocol)
    assert (brief.title, brief.stars) == (pages().title, [3] * 5)

    class Strict(BaseDocument):
        number: str

    with pytest.raises(ValidationError, match='number'):
        DocumentArray[Strict].load_binary(tmp_path / 'pages', protocol)


def test_columns_of_a_mapped_file_are_read_where_they_are(tmp_path: Path) -> None:
    rows = DocumentArray[Page](pages(300))
    rows.stack().save_binary(tmp_path / 'pages.arrow')
    again = DocumentArrayStacked[Page].load_binary(tmp_path / 'pages.arrow')
    vec = np.asarray(again.vec)
    assert not vec.flags.owndata
    assert not vec.flags.writeable
    pages(1).save_binary(tmp_path / 'pages.arrow')  # takes its place; what was read stays as it was
    assert same(again, rows)
    again[0].vec = [7, 7, 7]  # a copy from here on
    assert again.vec[:2].tolist() == [[7, 7, 7], [1, 0, 1]]


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_rows_can_be_written_to(protocol: str, tmp_path: Path) -> None:
    pages().stack().save_binary(tmp_path / 'pages', protocol)
    page = DocumentArray[Page].load_binary(tmp_path / 'pages', protocol)[1]
    page.vec[0] = 5
    assert page.vec.tolist() == [5, 0, 1]


# -- names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('name', 'protocol', 'compress'),
    [
        ('x', 'protobuf-array', ''),
        ('x.bin', 'protobuf-array', ''),
        ('x.protobuf', 'protobuf', ''),
        ('x.protobuf.lz4', 'protobuf', 'lz4'),
        ('x.docvec.protobuf-array.gzip', 'protobuf-array', 'gzip'),
        ('x.json', 'json', ''),
        ('x.jsonl', 'json', ''),
        ('x.NDJSON.GZ', 'json', 'gzip'),
        ('x.json-array.zst', 'json-array', 'zstd'),
        ('x.arrow', 'arrow-file', ''),
        ('x.arrows', 'arrow', ''),
        ('x.arrows.xz', 'arrow', 'lzma'),
        ('x.feather', 'feather', ''),
        ('x.parquet', 'parquet', ''),
        ('a.json/x.pq', 'parquet', ''),
        ('x.bz2', 'protobuf-array', 'bz2'),
        ('s3://bucket/x.protobuf.zstd', 'protobuf', 'zstd'),
        ('zip://x.json::/a/b.zip', 'json', ''),
        ('https://a.b/x.protobuf.gz?signature=c.d#e.f', 'protobuf', 'gzip'),
        ('.parquet', 'parquet', ''),
    ],
)
def test_names_say_protocol_and_compression(name: str, protocol: str, compress: str) -> None:
    found = chosen(name, None, None)
    assert (found[0].name, found[1]) == (protocol, compress)


def test_arguments_win_over_the_name(tmp_path: Path) -> None:
    path = tmp_path / 'pages.json.gz'
    pages().save_binary(path, 'protobuf', 'zlib')
    assert path.read_bytes()[:1] == b'\x02'
    assert len(DocumentArray[Page].load_binary(path, 'protobuf', 'zlib')) == 5
    with pytest.raises(FormatError):
        DocumentArray[Page].load_binary(path)


@pytest.mark.parametrize('protocol', ['protobuf2', '', 'msgpack', 3])
def test_unknown_protocols_are_refused_with_those_there_are(protocol: Any, tmp_path: Path) -> None:
    for call in (
        lambda: pages().to_bytes(protocol),
        lambda: DocumentArray[Page].from_bytes(b'', protocol),
        lambda: pages().save_binary(tmp_path / 'x', protocol),
        lambda: DocumentArray[Page].load_binary(tmp_path / 'x', protocol),
        lambda: pages()[0].to_bytes(protocol),
        lambda: Page.from_bytes(b'', protocol),
    ):
        with pytest.raises(InvalidValueError, match="'protobuf' or|'protobuf-array' or 'protobuf'"):
            call()
    assert not list(tmp_path.iterdir())


def test_unknown_compressions_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    for call in (
        lambda: pages().to_bytes(compress='rar'),
        lambda: DocumentArray[Page].from_bytes(b'', compress='rar'),
        lambda: pages().save_binary(tmp_path / 'x', compress='rar'),
        lambda: pages()[0].to_bytes(compress='rar'),
        lambda: Page.from_bytes(b'', compress='rar'),
    ):
        with pytest.raises(InvalidValueError, match="compress: got 'rar', wanted 'lz4' or 'zstd'"):
            call()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('data', ['text', None, memoryview(b'abcdef')[::2]])
def test_what_is_no_bytes_is_refused(data: Any) -> None:
    for cls in (DocumentArray[Page], Page):
        with pytest.raises(InvalidValueError, match='Page.*wanted bytes'):
            cls.from_bytes(data)


def test_formats_of_arrays_are_not_for_one_document() -> None:
    with pytest.raises(InvalidValueError, match="'protobuf' or 'json' or 'pickle' for one document"):
        pages()[0].to_bytes('arrow')


# -- JSON ---------------------------------------------------------------------------------------------


def test_either_name_reads_both_kinds_of_json(tmp_path: Path) -> None:
    rows = pages()
    rows.save_binary(tmp_path / 'a.json')
    rows.save_binary(tmp_path / 'b.json-array')
    assert [
        json.loads(line)['title'] for line in (tmp_path / 'a.json').read_text('utf-8').splitlines()
    ] == rows.title
    assert [page['id'] for page in json.loads((tmp_path / 'b.json-array').read_text('utf-8'))] == rows.id
    for name in ('a.json', 'b.json-array'):
        for protocol in ('json', 'json-array'):
            for streaming in (False, True):
                found = DocumentArray[Page].load_binary(tmp_path / name, protocol, streaming=streaming)
                assert same(found, rows)


@pytest.mark.parametrize('chunk', [1, 2, 7, 1000])
def test_json_arrays_are_split_wherever_the_chunks_end(chunk: int) -> None:
    texts = ['', '"', '\\', '\\"', '],[{}', 'é€😀', '\n', 'a\\\\', '{"x": [1, 2]}']
    rows = DocumentArray[TextDoc](TextDoc(text=text) for text in texts)
    indented = json.dumps([json.loads(document.to_json()) for document in rows], indent=1).encode()

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(chunk)

    for data in (indented, rows.to_bytes('json-array'), rows.to_bytes('json')):
        found = DocumentArray[TextDoc].load_binary(Slow(data), 'json-array', streaming=True)
        assert [document.text for document in found] == texts


@pytest.mark.parametrize(
    'data', [b'[1 2]', b'[{"text": "a"},]', b'[,]', b'[{"text": "a"}] x', b'[}', b'nonsense', b'"a', b'{]']
)
def test_what_is_not_json_is_a_format_error(data: bytes) -> None:
    for protocol in ('json', 'json-array'):
        for streaming in (False, True):
            with pytest.raises((FormatError, ValidationError)):
                list(DocumentArray[TextDoc].load_binary(data, protocol, streaming=streaming))


def test_json_deeper_than_allowed_is_refused() -> None:
    deep = b'[{"text": "a"}, {"tags": ' + b'[' * 100 + b']' * 100 + b'}]'
    with pytest.raises(LimitError, match='levels'):
        list(DocumentArray[TextDoc].load_binary(io.BytesIO(deep), 'json-array', streaming=True))
    with pytest.raises((FormatError, ValidationError, LimitError)):
        DocumentArray[TextDoc].load_binary(b'[' * 100_000, 'json-array')


@pytest.mark.parametrize(
    'name', ['docvec/entries.json-array', 'docvec/entries.json', 'docvec/flat-entries.json-array']
)
def test_columns_as_earlier_versions_wrote_them_have_rows(name: str) -> None:
    class Entry(BaseDocument):
        title: str
        weight: float

    found = DocumentArray[Entry].load_binary((GOLDEN / name).read_bytes(), 'json-array')
    columns = json.loads((GOLDEN / name).read_bytes())['any_columns']
    assert (found.id, found.title, found.weight) == (columns['id'], columns['title'], columns['weight'])


@pytest.mark.parametrize(
    'data',
    [
        b'{"any_columns": {"text": ["a"], "id": []}}',
        b'{"any_columns": []}',
        b'{"any_columns": {"text": 3}}',
        b'{"doc_columns": {"text": []}}',
        b'{"docs_vec_columns": {"text": [3]}}',
        b'{"any_columns": {"text": ["a"]}',
        b'{"tensor_columns": ' + b'{"a":' * 300,
    ],
)
def test_columns_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises((FormatError, ValidationError)):
        DocumentArray[TextDoc].load_binary(data, 'json-array')


# -- compression of earlier versions ------------------------------------------------------------------


@pytest.mark.parametrize('protocol', ['protobuf-array', 'json-array'])
def test_zlib_files_of_earlier_versions_that_are_not_compressed_are_read(
    protocol: str, tmp_path: Path
) -> None:
    class Artwork(BaseDocument):
        title: str
        year: int

    cls = DocumentArray[Artwork]
    old = cls.load_binary(GOLDEN / 'doclist' / f'artworks.{protocol}.zlib')
    assert same(old, cls.load_binary(GOLDEN / 'doclist' / f'artworks.{protocol}'))
    old.save_binary(tmp_path / f'new.{protocol}.zlib')
    assert (tmp_path / f'new.{protocol}.zlib').read_bytes()[0] == 0x78
    assert same(cls.load_binary(tmp_path / f'new.{protocol}.zlib'), old)


# -- pickle -------------------------------------------------------------------------------------------


class Canary:
    fired = False

    @staticmethod
    def fire() -> None:
        Canary.fired = True

    def __reduce__(self) -> Any:
        return Canary.fire, ()


@pytest.mark.parametrize('name', ['x.pickle', 'x.pickle-array.gz', 'x.pkl'])
def test_a_name_is_no_consent_to_unpickle(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps(Canary()))
    with pytest.raises(InvalidValueError, match="wanted protocol='pickle"):
        DocumentArray[Page].load_binary(path)
    with pytest.raises(InvalidValueError, match="wanted protocol='pickle"):
        pages().save_binary(path)
    assert not Canary.fired


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('version', range(6))
def test_pickles_under_other_names_are_refused_unread(protocol: str, version: int) -> None:
    data = pickle.dumps(Canary(), protocol=version)
    framed = b'\x02' + (1).to_bytes(8, 'big') + len(data).to_bytes(4, 'big') + data
    for content in (data, framed):
        for streaming in (False, True):
            with pytest.raises(FormatError):
                list(DocumentArray[TextDoc].load_binary(content, protocol, streaming=streaming))
    if protocol in ('protobuf', 'json'):
        with pytest.raises(FormatError):
            TextDoc.from_bytes(data, protocol)
    assert not Canary.fired


def test_what_a_pickle_holds_is_checked() -> None:
    for data in (
        pickle.dumps([1]),
        pickle.dumps(pages()[0]),
        b'',
        b'\x80\x05garbage',
        pickle.dumps(pages())[:-9],
    ):
        with pytest.raises(FormatError):
            DocumentArray[Page].from_bytes(data, 'pickle-array')
    with pytest.raises(FormatError, match='wanted a TextDoc'):
        TextDoc.from_bytes(pickle.dumps(pages()[0]), 'pickle')
    with pytest.raises(FormatError, match='wanted a TextDoc'):
        DocumentArray[TextDoc].from_bytes(pickle.dumps(pages()), 'pickle-array')


# -- streams ------------------------------------------------------------------------------------------


class Embedded(BaseDocument):
    vec: Thousand


def embedded(count: int) -> DocumentArray[Embedded]:
    return DocumentArray[Embedded](Embedded(vec=np.full(1024, number, np.float32)) for number in range(count))


@pytest.mark.parametrize('protocol', ['protobuf', 'arrow', 'json', 'json-array', 'pickle'])
@pytest.mark.parametrize('compress', [None, 'lz4'])
def test_documents_appear_before_the_file_is_read_to_its_end(protocol: str, compress: str | None) -> None:
    written = io.BytesIO()
    rng = np.random.default_rng(0)
    rows = DocumentArray[Embedded](Embedded(vec=rng.random(1024, np.float32)) for _ in range(1200))
    rows.save_binary(written, protocol, compress)
    file = Counted(written.getvalue())
    documents = DocumentArray[Embedded].load_binary(file, protocol, compress, streaming=True)
    assert next(documents).id == rows[0].id
    assert file.taken < len(written.getvalue()) / 2
    assert sum(1 for _ in documents) == 1199
    assert file.taken == len(written.getvalue())


@pytest.mark.parametrize('protocol', ['protobuf', 'protobuf-array', 'arrow', 'arrow-file', 'parquet'])
def test_streams_take_little_memory_both_ways(protocol: str, tmp_path: Path) -> None:
    rows = embedded(6000)  # 24 MiB
    rows[:10].save_binary(
        tmp_path / 'few', protocol
    )  # what is imported and compiled at first counts for nothing
    list(DocumentArray[Embedded].load_binary(tmp_path / 'few', protocol, streaming=True))
    tracemalloc.start()
    try:
        rows.save_binary(tmp_path / 'many', protocol)
        assert tracemalloc.get_traced_memory()[1] < 18 << 20
        tracemalloc.reset_peak()
        for number, document in enumerate(
            DocumentArray[Embedded].load_binary(tmp_path / 'many', protocol, streaming=True)
        ):
            assert document.vec[0] == number
        assert number == 5999
        assert tracemalloc.get_traced_memory()[1] < 18 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize('protocol', ['protobuf-array', 'arrow', 'arrow-file', 'parquet'])
def test_columns_are_written_without_a_copy_of_them(protocol: str, tmp_path: Path) -> None:
    columns = embedded(6000).stack()
    columns[:10].save_binary(tmp_path / 'few', protocol)
    tracemalloc.start()
    try:
        columns.save_binary(tmp_path / 'many', protocol)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert DocumentArrayStacked[Embedded].load_binary(tmp_path / 'many', protocol)[5999].vec[5] == 5999


@pytest.mark.skipif(not Path('/proc/self/fd').exists(), reason='open files are counted in /proc')
@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_a_stream_that_is_dropped_closes_its_file(protocol: str, tmp_path: Path) -> None:
    def opened() -> list[Path]:
        links = (entry.readlink() for entry in Path('/proc/self/fd').iterdir() if entry.is_symlink())
        return [link for link in links if link.name == 'pages']

    pages(50).save_binary(tmp_path / 'pages', protocol)
    documents: Iterator[Any] = DocumentArray[Page].load_binary(tmp_path / 'pages', protocol, streaming=True)
    first = next(documents)
    assert opened()
    documents.close()
    assert first.title
    del documents, first
    assert not opened()


# -- limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_limits_hold_in_every_protocol(protocol: str, tmp_path: Path) -> None:
    rows = pages(50)
    rows.save_binary(tmp_path / 'pages', protocol)
    size = (tmp_path / 'pages').stat().st_size
    for limits in (Limits(documents=49), Limits(size=size // 60)):
        for streaming in (False, True):
            if streaming and limits.size < size and protocol in ('json', 'json-array'):
                continue  # what is handed on as it comes may be as long as it likes
            with pytest.raises(LimitError):
                list(
                    DocumentArray[Page].load_binary(
                        tmp_path / 'pages', protocol, streaming=streaming, limits=limits
                    )
                )
        with pytest.raises(LimitError):
            DocumentArray[Page].from_bytes(rows.to_bytes(protocol), protocol, limits=limits)
    exact = Limits(documents=50, size=size * 4)
    assert len(DocumentArray[Page].load_binary(tmp_path / 'pages', protocol, limits=exact)) == 50


@pytest.mark.parametrize('compress', [None, 'gzip'])
@pytest.mark.parametrize('protocol', ['json', 'json-array', 'protobuf', 'arrow'])
def test_a_stream_may_be_longer_than_the_limit_but_no_document(protocol: str, compress: str | None) -> None:
    def read(rows: Any) -> int:
        file, limits = io.BytesIO(), Limits(size=3 << 20)
        rows.save_binary(file, protocol, compress)
        file.seek(0)
        return sum(1 for _ in type(rows).load_binary(file, protocol, compress, streaming=True, limits=limits))

    assert read(DocumentArray[Note](Note(text='x' * 100_000) for _ in range(60))) == 60
    with pytest.raises(LimitError):
        read(DocumentArray[Note]([Note(text='x' * (4 << 20))]))


@pytest.mark.parametrize('protocol', ['protobuf-array', 'parquet', 'json', 'json-array'])
def test_what_never_ends_is_not_waited_for(protocol: str) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            start, self.taken = b'' if self.taken else b'[{"text": "', self.taken + size
            return start + b'x' * size

    file = Endless()
    with pytest.raises(LimitError):
        list(DocumentArray[Note].load_binary(file, protocol, streaming=True, limits=Limits(size=1 << 20)))
    assert file.taken < 2 << 20


@pytest.mark.parametrize('compress', COMPRESSIONS)
@pytest.mark.parametrize('protocol', ['protobuf', 'protobuf-array', 'arrow', 'json'])
def test_bombs_are_refused(protocol: str, compress: str) -> None:
    data = DocumentArray[TextDoc]([TextDoc(text=' ' * 4_000_000)]).to_bytes(protocol, compress)
    assert len(data) < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(LimitError):
            DocumentArray[TextDoc].from_bytes(data, protocol, compress, limits=Limits(size=1_000_000))
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


# -- what else may go wrong ---------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for streaming in (False, True):
        with pytest.raises(MissingFileError, match='none.protobuf'):
            list(DocumentArray[Page].load_binary(tmp_path / 'none.protobuf', streaming=streaming))


def test_random_bytes_are_refused_in_every_protocol() -> None:
    rng = np.random.default_rng(0)
    for protocol in PROTOCOLS:
        for size in (1, 7, 100, 5000):
            with pytest.raises((FormatError, LimitError)):
                DocumentArray[Page].load_binary(rng.bytes(size).replace(b'\x0a', b'\x0b'), protocol)
    with pytest.raises(TruncatedError):
        DocumentArray[Page].load_binary(b'', 'protobuf')


def test_a_package_that_is_missing_is_named_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pages()
    monkeypatch.setitem(sys.modules, 'lz4.frame', None)
    with pytest.raises(MissingExtraError, match='docarray\\[compress\\]'):
        rows.to_bytes(compress='lz4')
    monkeypatch.setitem(sys.modules, 'fsspec.core', None)
    with pytest.raises(MissingExtraError, match='docarray\\[cloud\\]'):
        rows.save_binary('memory://pages')


def test_every_protocol_of_the_table_has_its_functions() -> None:
    for protocol in protocols.PROTOCOLS.values():
        assert all(callable(protocol.function(kind)) for kind in ('write', 'save', 'read'))
