"""Every file that an earlier version wrote is read as what was written."""

from __future__ import annotations

from typing import Any

import pytest

from docarray import DocumentArray, DocumentArrayStacked
from docarray import proto as messages
from docarray.errors import DocArrayError, UnsupportedError
from docarray.stores.arrays import info
from tests.compat.golden import (
    FOLDERS,
    ROOT,
    File,
    SeedBag,
    class_named,
    documents_differ,
    files,
    in_table,
    of_kind,
    value_differs,
)

#: Read by the modules for indexes, whose tests have to take these files over.
LATER = {'inmemory': 'docarray.indexes', 'hnsw': 'docarray.indexes'}
HERE = {
    'doclist',
    'doclist-base64',
    'doclist-json',
    'doc',
    'doc-base64',
    'doc-json',
    'docvec',
    'docvec-json',
    'proto',
    'csv',
    'store',
}
ELSEWHERE = {'pickle', 'pickle-base64', 'disguised'}  # in test_golden_pickles.py

#: Files of JSON in which all bytes happen to be base64 too, as which they are taken unless a call tells.
AMBIGUOUS = {f'doclist/{name}.json-array' for name in ('exhibits', 'text', 'mesh', 'cloud', 'legacy')}


def by(*kinds: str) -> Any:
    return pytest.mark.parametrize('file', of_kind(*kinds), ids=str)


def readers(file: File) -> list[Any]:
    found = list(file.readers())
    if not found:
        pytest.skip(f'{file.class_name} needs {file.facts["needs"]}')
    return found


def test_no_file_is_forgotten() -> None:
    assert {file.kind for file in files()} == HERE | ELSEWHERE | set(LATER)
    for folder in FOLDERS:
        known = {file.path for file in files() if file.folder == folder}
        there = set()
        for path in (ROOT / folder).rglob('*'):
            name = path.relative_to(ROOT / folder).as_posix()
            if path.is_file() and name not in ('README.md', 'expected.json', 'gallery.py'):
                there.add(next((one for one in known if name.startswith(one + '/')), name))
        there = {name for name in there if '__pycache__' not in name}
        assert there == known
        table = in_table(folder)
        assert not table or table == known


@by('doclist')
def test_arrays(file: File) -> None:
    protocol, compress = file.call
    for cls in readers(file):
        array = DocumentArray[cls]
        if file.path in AMBIGUOUS:
            got = array.from_json(file.where.read_bytes(), bytes_as='text')
            assert documents_differ(file, got, cls) == ''
            continue
        got = [
            array.load_binary(file.where, protocol, compress),
            array.load_binary(str(file.where), protocol=protocol, compress=compress),
            array.from_bytes(file.where.read_bytes(), protocol, compress),
        ]
        if file.facts.get('by_name', True):
            got.append(array.load_binary(file.where))
        if protocol == 'protobuf':
            got.append(list(array.load_binary(file.where, protocol, compress, streaming=True)))
        for one in got:
            assert documents_differ(file, one, cls) == ''
        assert isinstance(got[0], array)


@pytest.mark.parametrize('file', [file for file in files() if file.facts.get('untyped')], ids=str)
def test_arrays_of_any_class(file: File) -> None:
    got = DocumentArray.load_binary(file.where)
    assert documents_differ(file, got, got.document_type, untyped=True) == ''


@by('doclist-base64')
def test_arrays_in_base64(file: File) -> None:
    for cls in readers(file):
        got = DocumentArray[cls].from_base64(file.where.read_text(), *file.call)
        assert documents_differ(file, got, cls) == ''


@by('doclist-json')
def test_arrays_in_json(file: File) -> None:
    text = file.where.read_bytes()
    for cls in readers(file):
        for given in (text, text.decode()):
            got = DocumentArray[cls].from_json(given, bytes_as='text')
            assert documents_differ(file, got, cls) == ''


@by('doc')
def test_documents(file: File) -> None:
    for cls in readers(file):
        got = cls.from_bytes(file.where.read_bytes(), *file.call)
        assert documents_differ(file, [got], cls) == ''


@by('doc-base64')
def test_documents_in_base64(file: File) -> None:
    for cls in readers(file):
        got = cls.from_base64(file.where.read_text(), *file.call)
        assert documents_differ(file, [got], cls) == ''
        if file.call[1] is None:  # both defaults are protobuf
            assert documents_differ(file, [cls.from_base64(file.where.read_text())], cls) == ''


@by('doc-json')
def test_documents_in_json(file: File) -> None:
    text = file.where.read_bytes()
    for cls in readers(file):
        for given in (text, text.decode()):
            assert documents_differ(file, [cls.from_json(given, bytes_as='text')], cls) == ''


@by('docvec')
def test_stacked_arrays(file: File) -> None:
    protocol, compress = file.call
    for cls in readers(file):
        options: dict[str, Any] = {}
        if file.facts.get('tensor_type') and 'AsNumpy' not in cls.__name__:
            from docarray.typing import TorchTensor

            options['tensor_type'] = TorchTensor
        array = DocumentArrayStacked[cls]
        for got in (
            array.load_binary(file.where, **options),
            array.load_binary(file.where, protocol, compress, **options),
            array.from_bytes(file.where.read_bytes(), protocol, compress, **options),
        ):
            assert isinstance(got, array)
            assert documents_differ(file, got.unstack(), cls) == ''
            assert [row.id for row in got] == [row.id for row in got.unstack()]


@by('docvec-json')
def test_stacked_arrays_in_json(file: File) -> None:
    for cls in readers(file):
        got = DocumentArrayStacked[cls].from_json(file.where.read_bytes())
        assert documents_differ(file, got.unstack(), cls) == ''


def test_bare_messages() -> None:
    assert {file.facts['message'] for file in of_kind('proto')} == {
        'DocProto',
        'DocListProto',
        'DocVecProto',
        'NdArrayProto',
    }


@by('proto')
def test_messages(file: File) -> None:
    if file.class_name == 'SeedBag':
        # Its lists and dicts have the numbers of other fields in today's messages, in which they get lost.
        got = DocumentArray[SeedBag].from_bytes(file.where.read_bytes(), 'protobuf-array')
        assert documents_differ(file, got, SeedBag) == ''
        return
    message = getattr(messages, file.facts['message'])()
    message.ParseFromString(file.where.read_bytes())
    for cls in readers(file):
        if file.facts['message'] == 'NdArrayProto':
            name = file.facts['field']
            got = class_named('OddArray').model_fields[name].annotation
            tensor_class = got if isinstance(got, type) else got.__args__[0]
            wanted = file.docs[0]['$doc']['fields'][name]
            assert value_differs(file, tensor_class.from_protobuf(message), wanted) == ''
        elif file.facts['message'] == 'DocProto':
            assert documents_differ(file, [cls.from_protobuf(message)], cls) == ''
        elif file.facts['message'] == 'DocListProto':
            assert documents_differ(file, DocumentArray[cls].from_protobuf(message), cls) == ''
        else:
            got = DocumentArrayStacked[cls].from_protobuf(message)
            assert documents_differ(file, got.unstack(), cls) == ''


@by('csv')
def test_csv(file: File) -> None:
    for cls in readers(file):
        got = DocumentArray[cls].from_csv(file.where, dialect=file.facts['dialect'])
        assert documents_differ(file, got, cls) == ''


def test_a_file_of_another_protocol_is_refused() -> None:
    """What is no such file is an error of docarray's, whatever it is then taken for."""
    for file in of_kind('doclist')[::7]:
        for protocol in ('arrow', 'parquet', 'json-array' if file.call[0] != 'json-array' else 'protobuf'):
            with pytest.raises(DocArrayError):
                DocumentArray[next(file.readers())].load_binary(file.where, protocol)


@by('store')
def test_stores(file: File) -> None:
    url = f'file://{file.where.with_suffix("")}'
    for cls in readers(file):
        array = DocumentArray[cls]
        assert not documents_differ(file, array.pull(url), cls)
        assert not documents_differ(file, array.pull_stream(url), cls)
        assert not documents_differ(file, DocumentArrayStacked[cls].pull(url), cls)
        assert info(url).documents == len(file.docs)
        with pytest.raises(UnsupportedError, match='Pull it and push it again'):
            array.open(url)
