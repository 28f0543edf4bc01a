"""The documents of a Lance dataset, of which any are read without the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from docarray import _lazy
from docarray.batch import Batch
from docarray.cells import Objects
from docarray.errors import ConflictError, DocArrayError, MissingFileError, StoreError
from docarray.formats.arrow.match import Match, match
from docarray.formats.arrow.read import BatchReader
from docarray.formats.arrow.types import FINGERPRINT, pa
from docarray.formats.limits import Limits
from docarray.schema import Schema

__all__ = ['LanceDocuments', 'dataset_bytes', 'lance_errors', 'version_text']

pc = _lazy.load('pyarrow.compute')
Array = np.ndarray[Any, Any]

#: About how many bytes of rows, and how many rows at most, are read at a time; Lance has several in memory.
_BATCH_BYTES, _BATCH_ROWS = 2 << 20, 8192


class LanceDocuments:
    """The documents of one version of a dataset.

    Args:
        url: Of the array, for errors.
        dataset: The dataset.
        schema: Of their class.
        limits: What is read at most.
        lazy: Whether the bytes of blobs are left in the dataset until they are asked for.
    """

    def __init__(self, url: str, dataset: Any, schema: Schema, limits: Limits, lazy: bool) -> None:
        self.url, self.dataset, self.schema = url, dataset, schema
        with lance_errors(url):
            self._count, types = dataset.count_rows(), dataset.schema
        self._blobs = [field.name for field in types if _is_blob(field)]
        self._types = _plain(types)
        self._reader = BatchReader(schema, self._types, limits, fill=True)
        limits.check('documents', self._count, url)
        self._lazy = lazy and self._reader.trusted

    def __len__(self) -> int:
        return int(self._count)

    @property
    def version(self) -> str:
        """A text that another version does not have."""
        return version_text(self.dataset)

    @property
    def size(self) -> int:
        """How many bytes the dataset takes, in this version."""
        return dataset_bytes(self.dataset)

    @property
    def match(self) -> Match:
        """What has changed between the class that was stored and the one that they are read as."""
        ours = FINGERPRINT in (self._types.metadata or {})  # what others wrote is validated
        return match(self._reader.record, self._types) if ours and not self._reader.trusted else Match()

    def batches(self, release: bool = False) -> Iterator[Batch]:
        """Yield all documents in order, some MiB at a time."""
        row = max(1, _file_bytes(self.dataset) // max(1, self._count))
        rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // row))
        done = 0
        with lance_errors(self.url):
            for found in self.dataset.scanner(batch_size=rows).to_batches():
                for batch in [found] if self._lazy else self._parts(found):
                    yield self._read(batch, np.arange(done, done + len(batch)))
                    done += len(batch)

    def _parts(self, batch: Any) -> Iterator[Any]:
        """Yield the parts of a record batch whose blobs, which are not there yet, are some MiB each."""
        sizes = [pc.fill_null(batch.column(name).field('size'), 0).to_numpy() for name in self._blobs]
        ends = np.cumsum(np.sum(sizes, 0)) if sizes else np.zeros(len(batch))
        first = 0
        while first < len(batch):
            before = ends[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(ends, before + _BATCH_BYTES, 'right')))
            yield batch.slice(first, last - first)
            first = last

    def take(self, rows: Array) -> Batch:
        """Return some documents."""
        if not len(rows):
            return Batch.of(self.schema, [])
        with lance_errors(self.url):
            return self._read(_in_one(self.dataset.take(pa.array(rows))), rows)

    def column(self, name: str) -> Batch:
        """Return all documents as a batch that has this column, and perhaps others."""
        names = [name] if self._reader.trusted else None
        with lance_errors(self.url):
            return self._read(_in_one(self.dataset.to_table(columns=names)), np.arange(self._count), names)

    def close(self) -> None:
        """Nothing: Lance closes what it has opened."""

    def _read(self, batch: Any, rows: Array, names: Sequence[str] | None = None) -> Batch:
        """Return a record batch as a batch, with what Lance has put in place of blobs."""
        blobs = [name for name in self._blobs if name in batch.schema.names]
        blobs = [name for name in blobs if pa.types.is_struct(batch.schema.field(name).type)]
        first = rows.item(0) if len(rows) else 0
        if not self._lazy:
            for name in blobs:
                place = batch.schema.get_field_index(name)
                once, back = np.unique(rows, return_inverse=True)
                read = self.dataset.read_blobs(name, indices=once.tolist(), preserve_order=True)
                values = [value for _, value in read]
                made = pa.array([values[row] for row in back.tolist()], pa.large_binary())
                batch = batch.set_column(place, self._types.field(name), made)
            return self._reader.read(batch, first, names)
        wanted = list(self.schema.fields if names is None else names)
        rest = [name for name in wanted if name not in blobs]
        data = dict(self._reader.read(batch, first, rest).data)
        for name in blobs:
            unpack, column = self.schema.fields[name].codec.unpack, batch.column(name)
            sizes, there = column.field('size').to_pylist(), column.is_valid().to_pylist()
            triples = zip(rows.tolist(), sizes, there, strict=True)
            data[name] = Objects(
                [unpack(_Blob(self, name, row, size)) if here else None for row, size, here in triples]
            )
        return Batch(self.schema, {name: data[name] for name in wanted}, len(batch))


class _Blob:
    """The bytes of a blob in a dataset.

    Attributes:
        size: How many there are.
    """

    def __init__(self, documents: LanceDocuments, column: str, row: int, size: int) -> None:
        self._documents, self._column, self._row, self.size = documents, column, row, size
        self._file: Any = None

    def read(self, start: int, stop: int) -> bytes:
        """Return some of the bytes."""
        with lance_errors(self._documents.url):
            if self._file is None:
                (self._file,) = self._documents.dataset.take_blobs(self._column, indices=[self._row])
            found: bytes = self._file.read_range(start, stop - start)
        if len(found) != stop - start:
            raise StoreError(where=self._documents.url, got=f'{len(found)} bytes', wanted=f'{stop - start}')
        return found


def _is_blob(field: Any) -> bool:
    return getattr(field.type, 'extension_name', '') == 'lance.blob.v2'


def _plain(types: Any) -> Any:
    """Return an Arrow schema in which blobs are bytes, as they were written."""
    fields = [field.with_type(pa.large_binary()) if _is_blob(field) else field for field in types]
    return pa.schema(fields, metadata=types.metadata)


def _in_one(table: Any) -> Any:
    """Return a table as one record batch."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def version_text(dataset: Any) -> str:
    """Return a text that another version of a dataset does not have, even if it was made anew."""
    return f'{dataset.version}-{dataset.get_version()["timestamp"].timestamp()}'


def dataset_bytes(dataset: Any) -> int:
    """Return how many bytes a version of a dataset takes, with its blobs."""
    names = [field.name for field in dataset.schema if _is_blob(field)]
    total = _file_bytes(dataset)
    for batch in dataset.scanner(columns=names).to_batches() if names else ():
        for column in batch.columns:  # those of kind 0 are in the files already
            apart = pc.if_else(pc.equal(column.field('kind'), 0), 0, column.field('size'))
            total += pc.sum(apart).as_py() or 0
    return total


def _file_bytes(dataset: Any) -> int:
    """Return how many bytes the files of a version take, without those that have nothing but blobs."""
    return int(dataset.get_version()['metadata']['total_files_size'])


@contextmanager
def lance_errors(url: str) -> Iterator[None]:
    """Raise what Lance says as an error of ours."""
    conflict = _lazy.load('lance.commit').CommitConflictError
    try:
        yield
    except DocArrayError:
        raise
    except conflict as error:
        raise ConflictError(
            where=url, got='another change, which ended first', wanted='one at a time', hint='Try again.'
        ) from error
    except (OSError, RuntimeError, ValueError, NotImplementedError, pa.ArrowException) as error:
        text = str(error).partition(', /')[0].partition(', location:')[0][:300]
        if re.search(' was not found|Not found:|Ref not found', text):
            raise MissingFileError(where=url, got=text, wanted='what is there') from error
        raise StoreError(where=url, got=text, wanted='a dataset that does as it is asked') from error
