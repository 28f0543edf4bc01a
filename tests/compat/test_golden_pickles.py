"""Pickles of earlier versions are read if the call says so by name, and never otherwise."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from docarray import DocumentArray, DocumentArrayStacked
from docarray.errors import DocArrayError
from tests.compat.golden import File, documents_differ, gallery, of_kind

PICKLES = of_kind('pickle', 'pickle-base64')
ARRAYS = [file for file in PICKLES if file.docs and file.kind == 'pickle']
DISGUISED = of_kind('disguised')
HOSTILE = [file for file in PICKLES if not file.docs]
PROTOCOLS = ('protobuf', 'protobuf-array', 'json', 'json-array', 'arrow', 'arrow-file', 'feather', 'parquet')


@pytest.fixture
def fired(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What hostile pickles call when they are run."""
    gallery()
    calls: list[bool] = []
    canary = types.ModuleType('golden_canary')
    canary.fire = lambda *_: calls.append(True)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'golden_canary', canary)
    return calls


def reader(file: File) -> Any:
    found = list(file.readers())
    if not found:
        pytest.skip(f'{file.class_name} needs {file.facts["needs"]}')
    return found[0]


@pytest.mark.parametrize('file', ARRAYS, ids=str)
def test_pickles_are_read_by_name(file: File, fired: list[bool]) -> None:
    cls = reader(file)
    array: Any = DocumentArrayStacked if file.facts.get('box') == 'DocVec' else DocumentArray
    for got in (
        array[cls].load_binary(file.where, *file.call),
        array[cls].from_bytes(file.where.read_bytes(), *file.call),
    ):
        rows = got.unstack() if isinstance(got, DocumentArrayStacked) else got
        assert documents_differ(file, rows, cls) == ''


@pytest.mark.parametrize('file', [f for f in PICKLES if f.docs and f.kind == 'pickle-base64'], ids=str)
def test_a_pickled_document_in_base64_is_read_by_name(file: File, fired: list[bool]) -> None:
    cls = reader(file)
    assert documents_differ(file, [cls.from_base64(file.where.read_text(), *file.call)], cls) == ''


def array_readers(file: File, box: Any) -> Iterator[Callable[[], Any]]:
    """Yield the ways to read an array without the word pickle; ``box`` is the class of the array."""
    data, compress = file.where.read_bytes(), file.call[1]
    yield partial(box.load_binary, file.where)
    yield partial(box.load_binary, str(file.where), compress=compress)
    yield partial(box.from_bytes, data, compress=compress)
    yield partial(box.from_json, data)
    yield lambda: list(box.load_binary(file.where, compress=compress, streaming=True))
    for protocol in PROTOCOLS:
        yield partial(box.load_binary, file.where, protocol, compress)
        yield partial(box.from_bytes, data, protocol, compress)


def document_readers(file: File, cls: Any) -> Iterator[Callable[[], Any]]:
    """Yield the ways to read a document without the word pickle."""
    data, compress = file.where.read_bytes(), file.call[1]
    yield partial(cls.from_json, data)
    for protocol in ('protobuf', 'json'):
        yield partial(cls.from_bytes, data, protocol, compress)
        if file.kind == 'pickle-base64':
            yield partial(cls.from_base64, data.decode(), protocol, compress)
            yield partial(DocumentArray[cls].from_base64, data.decode(), protocol, compress)


@pytest.mark.parametrize('file', [*PICKLES, *DISGUISED], ids=str)
def test_pickles_are_refused_unless_they_are_named(file: File, fired: list[bool]) -> None:
    if file.call[1] == 'lz4':
        pytest.importorskip('lz4')
    cls = reader(file)
    ways = [
        *array_readers(file, DocumentArray[cls]),
        *array_readers(file, DocumentArrayStacked[cls]),
        *document_readers(file, cls),
    ]
    for way in ways:
        with pytest.raises(DocArrayError):
            way()
    assert fired == []


@pytest.mark.parametrize('file', DISGUISED, ids=str)
def test_nothing_is_run_to_salvage_documents(file: File, fired: list[bool]) -> None:
    with pytest.warns(UserWarning, match='got a pickle'):
        assert len(DocumentArray[reader(file)].load_binary(file.where, salvage=True)) == 0
    assert fired == []


@pytest.mark.parametrize('file', [f for f in HOSTILE if f.kind == 'pickle'], ids=str)
def test_the_canary_would_have_sung(file: File, fired: list[bool]) -> None:
    with pytest.raises(DocArrayError):  # what it makes is no array
        DocumentArray[reader(file)].load_binary(file.where, *file.call)
    assert fired


def test_files_with_tensors_of_torch_are_read_without_torch() -> None:
    """Where torch is not installed its tensors are read as numpy, by classes that ask for numpy or any."""
    code = (
        'import sys; sys.modules["torch"] = None\n'
        'from docarray import DocumentArray, DocumentArrayStacked\n'
        'from tests.compat.golden import documents_differ, files\n'
        'read = 0\n'
        'for file in files():\n'
        '    for cls in file.readers() if file.path.startswith("torch/") else ():\n'
        '        data, read = file.where.read_bytes(), read + 1\n'
        '        if file.kind == "doclist":\n'
        '            got = DocumentArray[cls].from_bytes(data, *file.call)\n'
        '        elif file.kind == "docvec":\n'
        '            got = DocumentArrayStacked[cls].from_bytes(data, *file.call).unstack()\n'
        '        else:\n'
        '            assert file.kind in ("doc", "doc-json"), file\n'
        '            got = [cls.from_bytes(data, file.call[0] or "json")]\n'
        '        problem = documents_differ(file, got, cls)\n'
        '        assert not problem, (str(file), problem)\n'
        'assert read == 13, read\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
