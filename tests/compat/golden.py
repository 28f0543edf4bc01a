"""The files that earlier versions wrote, and how what is read from them differs from what is in them.

``tests/golden/*/README.md`` describe the files and the form of the values in ``expected.json``.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from docarray import BaseDocument, BaseDocumentWithoutId, DocumentArray, DocumentArrayStacked, documents
from docarray.testing._arrays import bits
from docarray.typing import ID, AnyUrl, ImageUrl, NdArray
from docarray.values import adapter_of

ROOT = Path(__file__).parent.parent / 'golden'
FOLDERS = ('docarray-0.41', 'docarray-2023-02')

try:
    import torch
except ImportError:  # the files with torch tensors are then read as numpy
    torch = None


@functools.cache
def gallery() -> ModuleType:
    """Return the classes that the files of 0.41 were written from; pickles call them 'gallery'."""
    found = importlib.util.spec_from_file_location('gallery', ROOT / FOLDERS[0] / 'gallery.py')
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules['gallery'] = module
    found.loader.exec_module(module)
    return module


class SeedPart(BaseDocument):
    title: str
    vec: NdArray[4]


class SeedThing(BaseDocument):
    name: str
    number: int
    real: float
    yes: bool
    data: bytes
    comment: str | None = None
    url: AnyUrl | None = None
    image: ImageUrl | None = None
    arr: NdArray
    shaped: NdArray[3, 2]
    part: SeedPart
    other: SeedPart | None = None
    parts: DocumentArray[SeedPart]


class SeedBag(BaseDocument):
    words: list[str]
    ints: list[int]
    pair: tuple[str, int]
    tags: set[str]
    meta: dict[str, Any]


def class_named(name: str) -> Any:
    """Return a document class of either set, or None where it needs what is not installed."""
    homes = (sys.modules[__name__], gallery(), documents)
    return next((getattr(home, name) for home in homes if hasattr(home, name)), None)


@dataclass(frozen=True)
class File:
    """One golden file, as ``expected.json`` describes it."""

    folder: str
    path: str
    kind: str
    class_name: str
    facts: dict[str, Any] = field(repr=False, hash=False, compare=False)
    docs: list[Any] = field(repr=False, hash=False, compare=False)

    def __str__(self) -> str:
        return f'{self.folder}/{self.path}'

    @property
    def where(self) -> Path:
        return ROOT / self.folder / self.path

    @property
    def exact(self) -> bool:
        return self.facts.get('fidelity', 'exact') == 'exact'

    @property
    def call(self) -> tuple[Any, Any]:
        """The protocol and the compression that a reader has to be told."""
        return self.facts.get('protocol'), self.facts.get('compress')

    def readers(self) -> Iterator[Any]:
        """Yield the classes that have to be able to read the file, as far as they exist here."""
        names = [self.class_name, *(other['class'] for other in self.facts.get('read_as', ()))]
        yield from filter(None, map(class_named, names))


@functools.cache
def files() -> tuple[File, ...]:
    """Return all golden files, those of both sets."""
    return tuple(file for folder in FOLDERS for file in _files(folder))


def _files(folder: str) -> Iterator[File]:
    found = json.loads((ROOT / folder / 'expected.json').read_text(encoding='utf-8'))
    for facts in found['files']:
        docs: list[Any] = []
        if 'docs' in facts:
            docs = found['docsets'][facts['docs']['set']]['docs']
            docs = [docs[row] for row in facts['docs'].get('rows', range(len(docs)))]
        yield File(folder, facts['path'], facts['kind'], facts['class'], facts, docs)


def of_kind(*kinds: str) -> list[File]:
    """Return the files of such kinds."""
    return [file for file in files() if file.kind in kinds]


def in_table(folder: str) -> set[str]:
    """Return the paths that the table of a README lists, which has one line for several endings."""
    text = (ROOT / folder / 'README.md').read_text(encoding='utf-8')
    lines = text.partition('\n## Files\n')[2].splitlines()
    found = set()
    for stem, endings in re.findall(r'^\| (\S+) \| ([^|]*) \|', '\n'.join(lines), re.MULTILINE):
        if '/' in stem:
            found |= {stem + ('' if ending == '(folder)' else ending) for ending in endings.split()}
    return found


# -- comparing ----------------------------------------------------------------------------------------


def documents_differ(file: File, got: Any, cls: Any, untyped: bool = False) -> str:
    """Return where documents that were read from a file are not those that are in it, or ''.

    Args:
        file: The file.
        got: What was read from it: documents, in order.
        cls: What they were read as.
        untyped: Whether they, and those inside them, may be of any document class.
    """
    rows = list(got)
    if len(rows) != len(file.docs):
        return f'got {len(rows)} documents, wanted {len(file.docs)}'
    compare = _Comparison(file.exact, cls.__name__, untyped)
    found = (
        compare.document(row, doc['$doc'], f'[{i}]')
        for i, (row, doc) in enumerate(zip(rows, file.docs, strict=True))
    )
    return next(filter(None, found), '')


def value_differs(file: File, got: Any, wanted: Any) -> str:
    """Return where a single value is not the one in ``expected.json``, or ''."""
    return _Comparison(file.exact, '', False).value(got, wanted, '')


class _Comparison:
    def __init__(self, exact: bool, cls: str, untyped: bool) -> None:
        self.exact, self.cls, self.untyped = exact, cls, untyped

    def document(self, got: Any, wanted: Any, where: str) -> str:
        name = self.cls if where.count('[') == 1 and '.' not in where else wanted['type']
        if not isinstance(got, BaseDocumentWithoutId):
            return f'{where}: got {got!r}, wanted a document'
        if type(got).__name__ != name and not self.untyped:
            return f'{where}: got a {type(got).__name__}, wanted a {name}'
        fields = wanted['fields']
        names = fields if self.untyped else type(got).model_fields
        for field_name in names:
            value = getattr(got, field_name)
            if field_name in fields:
                problem = self.value(value, fields[field_name], f'{where}.{field_name}')
            else:
                default = type(got).model_fields[field_name].default
                problem = (
                    '' if value == default else f'{where}.{field_name}: got {value!r}, wanted {default!r}'
                )
            if problem:
                return problem
        return ''

    def value(self, got: Any, wanted: Any, where: str) -> str:
        if not isinstance(wanted, (dict, list)):
            same = got == wanted and (type(got) is type(wanted) or (type(got), type(wanted)) == (ID, str))
            return '' if same else f'{where}: got {type(got).__name__} {got!r}, wanted {wanted!r}'
        if isinstance(wanted, list):
            return self._items(got, wanted, where, list)
        ((kind, inside),) = wanted.items()
        return str(getattr(self, '_' + kind.removeprefix('$'))(got, inside, where))

    def _items(self, got: Any, wanted: list[Any], where: str, cls: type) -> str:
        if type(got) is not cls or len(got) != len(wanted):
            return f'{where}: got {type(got).__name__} {got!r}, wanted {cls.__name__} {wanted!r}'
        found = (
            self.value(a, b, f'{where}[{row}]') for row, (a, b) in enumerate(zip(got, wanted, strict=True))
        )
        return next(filter(None, found), '')

    def _float(self, got: Any, wanted: str, where: str) -> str:
        same = type(got) is float and bits(np.array(got)) == bits(np.array(float(wanted)))
        return '' if same else f'{where}: got {got!r}, wanted {wanted}'

    def _bytes(self, got: Any, wanted: str, where: str) -> str:
        data = base64.b64decode(wanted)
        return '' if isinstance(got, bytes) and got == data else f'{where}: got {got!r}, wanted {data!r}'

    def _str(self, got: Any, wanted: dict[str, str], where: str) -> str:
        same = type(got).__name__ == wanted['type'] and str(got) == wanted['value']
        return '' if same else f'{where}: got {type(got).__name__} {got!r}, wanted {wanted}'

    def _tuple(self, got: Any, wanted: list[Any], where: str) -> str:
        return self._items(got, wanted, where, tuple)

    def _set(self, got: Any, wanted: list[Any], where: str) -> str:
        if type(got) is not set:
            return f'{where}: got {got!r}, wanted a set'
        return self._items(sorted(got, key=repr), sorted(wanted, key=repr), where, list)

    def _dict(self, got: Any, wanted: dict[str, Any], where: str) -> str:
        if type(got) is not dict or got.keys() != wanted.keys():
            return f'{where}: got {got!r}, wanted {wanted!r}'
        found = (self.value(got[key], value, f'{where}[{key!r}]') for key, value in wanted.items())
        return next(filter(None, found), '')

    def _doc(self, got: Any, wanted: dict[str, Any], where: str) -> str:
        return self.document(got, wanted, where)

    def _doclist(self, got: Any, wanted: dict[str, Any], where: str) -> str:
        if not isinstance(got, (DocumentArray, DocumentArrayStacked)) or len(got) != len(wanted['docs']):
            return f'{where}: got {got!r}, wanted {len(wanted["docs"])} documents'
        if got.document_type.__name__ != wanted['type'] and not self.untyped:
            return f'{where}: got documents of {got.document_type.__name__}, wanted {wanted["type"]}'
        found = (
            self.document(a, b['$doc'], f'{where}[{row}]')
            for row, (a, b) in enumerate(zip(got, wanted['docs'], strict=True))
        )
        return next(filter(None, found), '')

    def _tensor(self, got: Any, wanted: dict[str, Any], where: str) -> str:
        adapter, tensor = adapter_of(got)
        if adapter is None:
            return f'{where}: got {got!r}, wanted a tensor'
        dtype = np.dtype(wanted['dtype'])
        array = np.frombuffer(base64.b64decode(wanted['data']), dtype).reshape(wanted['shape'])
        found = np.asarray(adapter.to_numpy(tensor))
        as_torch = wanted['framework'] == 'torch' and torch is not None and 'AsNumpy' not in self.cls
        if self.exact and adapter.name != ('torch' if as_torch else 'numpy'):
            return f'{where}: got a tensor of {adapter.name}'
        if self.exact and adapter.name == wanted['framework'] and type(got).__name__ != wanted['class']:
            return f'{where}: got a {type(got).__name__}, wanted {wanted["class"]}'
        if found.shape != array.shape:
            return f'{where}: got shape {found.shape}, wanted {array.shape}'
        if self.exact and found.dtype.newbyteorder('=') != dtype.newbyteorder('='):
            return f'{where}: got dtype {found.dtype}, wanted {dtype}'
        if found.size and _sort(found.dtype) != _sort(dtype) and wanted['framework'] != 'torch':
            return f'{where}: got dtype {found.dtype}, wanted one such as {dtype}'
        if dtype.kind in 'mMSU':  # where NaN is no number
            return '' if found.tobytes() == array.tobytes() else f'{where}: got {found!r}, wanted {array!r}'
        same = bits(found.astype(dtype)) == bits(array)
        if not self.exact and adapter.name == 'torch':  # whose default is float32
            same = same or bits(found) == bits(array.astype(found.dtype))
        return '' if same else f'{where}: got {found!r}, wanted {array!r}'


def _sort(dtype: np.dtype[Any]) -> str:
    return 'i' if dtype.kind == 'u' else dtype.kind
