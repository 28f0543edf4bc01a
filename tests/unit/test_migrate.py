"""Documents of files of earlier versions move to a store."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.cli import main
from docarray.errors import DtypeError, FormatError, KindError, MissingFileError, StoreError
from docarray.stores.arrays import exists
from docarray.stores.migrate import migrate
from docarray.typing import NdArray
from tests.compat.golden import File, class_named, documents_differ, of_kind

pytest.importorskip('pyarrow')


class Page(BaseDocument):
    number: int
    data: bytes = b''
    vector: NdArray | None = None


#: Golden files with bytes where anything may be, arrays of dates, or ints beyond 64 bits: Arrow has no column
#: for these.
NOT_IN_COLUMNS = {'scalars', 'odd-arrays', 'containers', 'large-ints'}


@pytest.fixture
def new(tmp_path: Path) -> str:
    return f'file://{tmp_path}/new'


@pytest.mark.parametrize('file', of_kind('doclist', 'store', 'doclist-json'), ids=str)
def test_golden_files(file: File, new: str) -> None:
    cls = class_named(file.class_name)
    if cls is None:
        pytest.skip(f'{file.class_name} needs {file.facts["needs"]}')
    protocol, compress = file.call
    if not file.path.startswith('doclist/'):
        protocol = compress = None
    if protocol in ('pickle', 'pickle-array') or (protocol or '').startswith('json'):
        return
    if Path(file.path).name.partition('.')[0] in NOT_IN_COLUMNS:
        with pytest.raises((DtypeError, KindError)):
            migrate(cls, file.where, new, protocol=protocol, compress=compress)
        assert not exists(new)
        return
    found = migrate(cls, file.where, new, protocol=protocol, compress=compress)
    assert found.documents == len(file.docs)
    assert not documents_differ(file, DocumentArray[cls].pull(new), cls)


def test_what_fails_writes_nothing(tmp_path: Path, new: str) -> None:
    old = tmp_path / 'old.protobuf'
    DocumentArray[Page]([Page(number=i) for i in range(100)]).save_binary(old)
    old.write_bytes(old.read_bytes()[:-20])
    with pytest.raises(FormatError):
        migrate(Page, old, new)
    with pytest.raises(MissingFileError):
        migrate(Page, tmp_path / 'none.protobuf', new)
    with pytest.raises(MissingFileError):
        migrate(Page, f'file://{tmp_path}/none', new)
    assert not exists(new)
    DocumentArray[Page]([Page(number=1)]).save_binary(old)
    migrate(Page, str(old), new)
    with pytest.raises(StoreError, match='already'):
        migrate(Page, old, new)
    assert migrate(Page, new, f'{new}er').documents == 1


def test_the_command(
    tmp_path: Path, new: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'shop.py').write_text('from docarray import BaseDoc\nclass Item(BaseDoc):\n    price: int')
    (tmp_path / 'old.json').write_text(json.dumps([{'id': str(i), 'price': i} for i in range(3)]))
    monkeypatch.chdir(tmp_path)
    assert main(['migrate', 'old.json', new, '--as', 'shop:Item']) == 0
    assert capsys.readouterr().out.startswith('3 documents, ')
    for wrong, message in (
        (['old.json', new, '--as', 'shop:Item'], 'already'),
        (['none.json', new, '--as', 'shop:Item', '--overwrite'], 'none.json'),
        (['old.json', new, '--as', 'shop:Thing'], "'shop:Thing'"),
        (['old.json', new, '--as', 'json:dumps'], 'a document class'),
        (['old.json', 'nowhere://x', '--as', 'shop:Item'], 'nowhere'),
    ):
        assert main(['migrate', *wrong]) == 1
        assert message in capsys.readouterr().err


def test_bytes_in_json(tmp_path: Path, new: str) -> None:
    (tmp_path / 'old.json').write_text('[{"id": "a", "number": 1, "data": "abcd", "vector": [1, 2]}]')
    migrate(Page, tmp_path / 'old.json', new)
    (found,) = DocumentArray[Page].pull(new)
    assert found.data == b'abcd'
    np.testing.assert_array_equal(found.vector, [1, 2])
