"""The contract of stores of arrays: ``class TestMyStore(StoreContract)`` with a ``base`` fixture."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import ConflictError, DocArrayError, InvalidValueError, MissingFileError, StoreError
from docarray.stores.arrays import delete, exists, info, list_arrays
from docarray.typing import AnyTensor, Blob, NdArray, Shape

__all__ = ['StoreContract']


class Part(BaseDocument):
    """A document inside others."""

    number: int = 0
    tensor: NdArray | None = None


class Item(BaseDocument):
    """A document with a field of each sort."""

    number: int
    text: str | None = None
    data: bytes = b''
    vector: Annotated[NdArray, Shape(4, dtype='float32')]
    free: AnyTensor | None = None
    part: Part | None = None
    parts: DocumentArray[Part] = DocumentArray[Part]()
    tags: list[str] = []
    blob: Blob = Blob(b'')


def item(number: int) -> Item:
    """Return the document of a number; equal numbers give equal documents, but for ids inside."""
    return Item(
        id=f'{number:032x}',
        number=number,
        text=None if number % 3 else f'text {number} äß€',
        data=bytes([number % 256]) * (number % 50),
        vector=np.arange(4, dtype=np.float32) + number,
        free=None if number % 4 == 0 else np.full((number % 3, 2), number, np.int16),
        part=None if number % 5 else Part(id='p', number=number, tensor=np.eye(number % 4)),
        parts=[Part(id=str(one), number=one) for one in range(number % 4)],
        tags=['a', 'b'][: number % 3],
        blob=bytes([number % 256]) * (0 if number % 25 else 1000 + number),
    )


def items(count: int, first: int = 0) -> Any:
    """Return an array of documents."""
    return DocumentArray[Item]([item(number) for number in range(first, first + count)])


#: Names that a store takes, no two of which may mean one array.
NAMES = (
    'a',
    'A',
    'a.b',
    'a.c',
    'a.docs',
    'a b',
    'ä',
    'a\N{COMBINING DIAERESIS}',
    '%61',
    'a%20b',
    '.a',
    'a/b',
    'a/b/c',
    '~a',
)
#: Names that a store refuses.
ODD_NAMES = ('..', '../a', 'a/../b', 'a/..', '.', 'a/./b', 'a//b', 'a/', 'a\0b', 'x' * 5000)


class StoreContract:
    """What all stores of arrays do. Subclass it with a fixture ``base``: a URL under which nothing is yet."""

    @pytest.fixture
    def base(self) -> str:
        """Return the URL of an empty place, without a slash at its end."""
        raise NotImplementedError

    @pytest.fixture
    def url(self, base: str) -> str:
        """Return the URL of an array that is not there yet."""
        return f'{base}/items'

    def test_documents_come_back(self, url: str) -> None:
        """What is pushed is pulled: rows, columns, and a stream of either."""
        array = items(300)
        array.push(url)
        assert DocumentArray[Item].pull(url) == array
        assert list(DocumentArray[Item].pull_stream(url)) == array
        assert list(DocumentArrayStacked[Item].pull(url)) == array
        array.stack(ragged='list').push(url)
        assert DocumentArray[Item].pull(url) == array

    def test_streams(self, url: str) -> None:
        """Documents are pushed as they come."""
        DocumentArray[Item].push_stream((item(number) for number in range(2000)), url)
        found = DocumentArray[Item].pull_stream(url)
        assert all(document == item(number) for number, document in enumerate(found))
        assert info(url).documents == 2000

    @pytest.mark.parametrize('count', [0, 1])
    def test_few_documents(self, url: str, count: int) -> None:
        """Arrays of no documents and of one are arrays."""
        items(count).push(url)
        assert DocumentArray[Item].pull(url) == items(count)
        DocumentArray[Item].push_stream(iter(items(count)), url)
        opened = DocumentArray[Item].open(url)
        assert (len(opened), list(opened), opened.number) == (count, items(count), [0] * count)

    def test_opened_arrays(self, url: str) -> None:
        """An opened array is like the array."""
        array = items(500)
        array.push(url)
        opened = DocumentArray[Item].open(url)
        assert len(opened) == 500
        assert (opened[3], opened[-1]) == (array[3], array[-1])
        for index in (
            slice(10, 20, 3),
            slice(None, None, -50),
            [499, 0, 7, 7],
            array.number == np.int64(3),
            [],
        ):
            assert opened[index] == array[index]
        assert list(opened) == array
        assert opened.number == array.number
        np.testing.assert_array_equal(opened.vector, array.stack(ragged='list').vector)
        assert opened.column('part.number')[:6] == [0, None, None, None, None, 5]
        assert opened.take([5, 6]).number == [5, 6]
        assert copy.deepcopy(opened)[77] == array[77]  # as in another process
        for wrong in (500, -501):
            with pytest.raises(IndexError):
                opened[wrong]

    def test_an_opened_array_is_one_version(self, url: str) -> None:
        """What is pushed later is not seen, or refused."""
        items(20).push(url)
        opened = DocumentArray[Item].open(url)
        items(30, first=100).push(url)
        with suppress(StoreError):  # of a store that has only the newest version
            assert opened[3] == item(3)
        with pytest.raises(ConflictError):
            copy.deepcopy(opened)

    def test_info(self, url: str) -> None:
        """What is there is told without reading it."""
        items(7).push(url)
        found = info(url)
        assert (found.url, found.document_type, found.documents) == (url, 'Item', 7)
        assert list(found.fields) == list(Item.model_fields)
        assert found.size > 0
        items(8).push(url)
        later = info(url)
        assert (later.version, later.checksum) != (found.version, found.checksum)

    def test_lists_and_deletion(self, base: str) -> None:
        """Arrays are listed by place and deleted one by one."""
        assert list_arrays(base) == []
        urls = [f'{base}/a', f'{base}/ab', f'{base}/b/c', f'{base}/b/d/e']
        for url in urls:
            assert not exists(url)
            items(2).push(url)
            assert exists(url)
        assert [entry.url for entry in list_arrays(base)] == urls
        assert [entry.url for entry in list_arrays(f'{base}/b')] == urls[2:]
        assert [entry.url for entry in list_arrays(urls[0])] == urls[:1]
        items(1).push(f'{base}/b')
        assert [entry.url for entry in list_arrays(f'{base}/b')] == [f'{base}/b', *urls[2:]]
        delete(f'{base}/b')
        assert all(entry.size > 0 for entry in list_arrays(base))
        assert delete(urls[0])
        assert not exists(urls[0])
        assert delete(urls[0], missing_ok=True) is False
        assert [entry.url for entry in list_arrays(base)] == urls[1:]

    def test_missing_arrays(self, url: str) -> None:
        """Each call says that an array is missing."""
        for call in (
            lambda: DocumentArray[Item].pull(url),
            lambda: next(iter(DocumentArray[Item].pull_stream(url))),
            lambda: DocumentArray[Item].open(url),
            lambda: info(url),
            lambda: delete(url),
        ):
            with pytest.raises(MissingFileError) as caught:
                call()
            assert caught.value.where == url

    def test_overwriting(self, url: str) -> None:
        """Arrays are replaced, unless the call says that they must not be."""
        items(3).push(url, overwrite=False)
        with pytest.raises(StoreError):
            items(4).push(url, overwrite=False)
        assert len(DocumentArray[Item].pull(url)) == 3
        items(4).push(url)
        assert len(DocumentArray[Item].pull(url)) == 4

    def test_a_stream_that_fails_changes_nothing(self, url: str) -> None:
        """The error is the caller's own, and the array stays."""

        def failing() -> Iterator[Item]:
            yield from items(500)
            raise OSError('the source is gone')

        for before in (0, 1):
            with pytest.raises(OSError, match='the source is gone'):
                DocumentArray[Item].push_stream(failing(), url)
            assert exists(url) == bool(before)
            items(3).push(url)
        assert DocumentArray[Item].pull(url) == items(3)
        assert [entry.url for entry in list_arrays(url)] == [url]

    def test_names(self, base: str) -> None:
        """No two names mean one array."""
        taken = {}
        for number, name in enumerate(NAMES):
            try:
                items(1, first=number).push(f'{base}/{name}', overwrite=False)
            except InvalidValueError:  # on systems that do not have such names
                continue
            taken[name] = number
        assert len(taken) > len(NAMES) // 2
        for name, number in taken.items():
            assert DocumentArray[Item].pull(f'{base}/{name}').number == [number]
        assert {entry.url for entry in list_arrays(base)} == {f'{base}/{name}' for name in taken}

    @pytest.mark.parametrize('name', ODD_NAMES, ids=lambda name: ascii(name)[:12])
    def test_names_that_lead_elsewhere(self, base: str, name: str) -> None:
        """Names that could mean something outside, or something else, are refused."""
        for call in (items(1).push, DocumentArray[Item].pull, DocumentArray[Item].open, delete):
            with pytest.raises(InvalidValueError):
                call(f'{base}/{name}')
        assert list_arrays(base) == []

    @pytest.mark.parametrize('count', [2, 8])
    def test_several_writers(self, url: str, count: int) -> None:
        """Of writers at one time one wins whole, and all others say that they did not."""
        items(5).push(url)
        ready = threading.Barrier(count)
        results: dict[int, Any] = {}

        def documents(number: int) -> Iterator[Item]:
            yield item(1000 * number)
            ready.wait(60)
            yield from items(50 + number, first=1000 * number + 1)

        def write(number: int) -> None:
            try:
                DocumentArray[Item].push_stream(documents(number), url)
                results[number] = None
            except DocArrayError as error:
                results[number] = error

        threads = [threading.Thread(target=write, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        won = [number for number, error in results.items() if error is None]
        lost = [error for error in results.values() if error is not None]
        assert len(won) == 1
        assert len(lost) == count - 1
        assert all(isinstance(error, ConflictError) for error in lost)
        assert DocumentArray[Item].pull(url) == items(51 + won[0], first=1000 * won[0])
