"""Arrays in Lance datasets, which can be changed: ``lance://`` on this machine, ``lance+s3://`` in S3.

``lance:///folder/name`` is the dataset /folder/name.lance; names are those of ``file://`` and ``s3://``. Any
program that knows Lance reads it. Documents are rows as Arrow has them; fields of the type Blob are blob
columns, whose bytes Lance keeps apart. Every change is a new version, whole or not at all, and older ones
stay until they are removed.
"""

from __future__ import annotations

import importlib
import os
import shutil
import urllib.parse
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timezone
from itertools import chain
from typing import Any, ClassVar

from docarray import _lazy
from docarray.errors import ConflictError, InvalidValueError, MissingFileError, StoreError, show
from docarray.formats.arrow.types import CLASS, described, pa
from docarray.formats.arrow.write import LANCE
from docarray.formats.limits import Limits
from docarray.schema import Schema
from docarray.stores import ArrayEntry, ArrayInfo, name_of
from docarray.stores.clients import reading, s3_settings, service_errors
from docarray.stores.faults import already_there, lost, missing
from docarray.stores.file import folder_of, path_of
from docarray.stores.forks import refuse_forks
from docarray.stores.handing import hand_on
from docarray.stores.lance_documents import LanceDocuments, dataset_bytes, lance_errors, version_text
from docarray.stores.objects import S3Store
from docarray.stores.versions import Stream

__all__ = ['LanceArrays', 'LanceS3Arrays']

SUFFIX = '.lance'
#: The oldest format of Lance's files that has maps and structs which may be missing.
_FORMAT = '2.2'


class LanceArrays:
    """Arrays in Lance datasets on this machine.

    Args:
        options: None: there are no settings.

    Example:
        >>> LanceArrays().scheme
        'lance'
    """

    scheme: ClassVar[str] = 'lance'
    changing, whole, parts = True, LANCE, LANCE

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    def write(
        self, url: str, batches: Iterator[Any], overwrite: bool, advance: Callable[[int], None]
    ) -> None:
        """Write an array, as a new version if there is one."""
        where, settings = self.place(url)
        self.guard(url)
        before = self._newest(url)
        if before is not None and not overwrite:
            raise already_there(url)
        first = marked(next(batches))
        lance = _lazy.load('lance')

        def write(taken: Iterator[Any]) -> Any:
            reader = pa.RecordBatchReader.from_batches(first.schema, taken)
            mode = 'create' if before is None else 'overwrite'
            with lance_errors(url):
                return lance.fragment.write_fragments(
                    reader, where, mode=mode, data_storage_version=_FORMAT, storage_options=settings
                )

        fragments = hand_on(_counted(chain([first], map(marked, batches)), advance), write)
        operation = lance.LanceOperation.Overwrite(first.schema, fragments)
        number = 0 if before is None else before.version
        try:
            with lance_errors(url):
                lance.LanceDataset.commit(
                    where, operation, read_version=number, storage_options=settings, max_retries=0
                )
        except StoreError as error:
            if isinstance(error, ConflictError) or (before is None and self._newest(url) is not None):
                raise (lost(url) if overwrite else already_there(url)) from error.__cause__
            raise

    def documents(
        self, url: str, schema: Schema, limits: Limits, lazy: bool, version: int | str | None = None
    ) -> LanceDocuments:
        """Return the documents of an array, of its newest version or another."""
        return LanceDocuments(url, self.dataset(url, version), schema, limits, lazy)

    def changes(self, url: str, schema: Schema) -> Any:
        """Return what changes an array."""
        return importlib.import_module('docarray.stores.lance_changes').LanceChanges(self, url, schema)

    def info(self, url: str) -> ArrayInfo:
        """Return what an array is."""
        dataset = self.dataset(url)
        with lance_errors(url):
            types, count = dataset.schema, dataset.count_rows()
            return ArrayInfo(
                url,
                (types.metadata or {}).get(CLASS, b'').decode(),
                {field.name: str(field.type) for field in types},
                count,
                dataset_bytes(dataset),
                '',
                version_text(dataset),
            )

    def exists(self, url: str) -> bool:
        """Return whether there is an array."""
        return self._newest(url) is not None

    def list(self, url: str) -> Iterator[ArrayEntry]:
        """Yield the arrays at a place."""
        root = folder_of(url)
        base = url if url.endswith('://') else url.rstrip('/') + '/'
        found = [base + name for name in _datasets_in(root)]
        if not url.endswith('/') and os.path.isdir(os.path.join(path_of(_suffixed(url)), '_versions')):
            found.append(url)
        for one in found:
            with suppress(MissingFileError):  # deleted since
                yield self.entry(one)

    def entry(self, url: str) -> ArrayEntry:
        """Return the entry of an array."""
        dataset = self.dataset(url)
        with lance_errors(url):
            time = dataset.get_version()['timestamp']
        return ArrayEntry(url, dataset_bytes(dataset), time.astimezone(timezone.utc))

    def delete(self, url: str, missing_ok: bool) -> bool:
        """Delete an array with all its versions."""
        if not self.exists(url):
            if missing_ok:
                return False
            raise missing(url)
        self.remove(url)
        return True

    def remove(self, url: str) -> None:
        """Remove what an array is made of; it is gone at once."""
        path = path_of(_suffixed(url))
        gone = os.path.join(os.path.dirname(path), f'.{uuid.uuid4().hex}.gone')
        try:
            os.rename(path, gone)
        except OSError as error:
            raise StoreError(where=url, got=str(error), wanted='a folder that can be removed') from error
        shutil.rmtree(gone, ignore_errors=True)

    def place(self, url: str) -> tuple[str, dict[str, str]]:
        """Return where Lance finds the dataset of a URL, and the settings that it needs."""
        if self.options:
            raise InvalidValueError(where=url, got=f'options {show(self.options)}', wanted='none')
        return path_of(_suffixed(url)), {}

    def guard(self, url: str) -> None:
        """Refuse a place where changes would be lost."""

    def _newest(self, url: str) -> Any:
        """Return the newest version of a dataset; None if there is none."""
        try:
            return self.dataset(url)
        except MissingFileError:
            return None

    def dataset(self, url: str, version: int | str | None = None) -> Any:
        """Return a dataset of Lance, its newest version or another."""
        refuse_forks('lance', url)
        where, settings = self.place(url)
        lance = _lazy.load('lance')
        try:
            with lance_errors(url):
                return lance.dataset(where, version=version, storage_options=settings)
        except MissingFileError:
            if version is None:
                raise missing(url) from None
            wanted = 'a version or a tag that there is'
            raise MissingFileError(where=url, got=f'no version {show(version)}', wanted=wanted) from None


class LanceS3Arrays(LanceArrays):
    """Arrays in Lance datasets in S3 and in services like it.

    Args:
        options: Settings as of ``s3://``.

    Example:
        >>> LanceS3Arrays().scheme
        'lance+s3'
    """

    scheme = 'lance+s3'

    def list(self, url: str) -> Iterator[ArrayEntry]:
        """Yield the arrays at a place."""
        stream = self._stream(url.rstrip('/'), least=0)
        root = stream.url[: len(stream.url) - len(stream.key)] if stream.key else f'{stream.url}/'
        names = set()
        for prefix in (stream.key, stream.key + SUFFIX) if stream.key else ('',):
            objects = stream.client.objects
            pages = reading(url, lambda: list(objects.list(prefix or None, chunk_size=1000)))  # noqa: B023
            for meta in chain.from_iterable(pages):
                name, mark, _ = meta['path'].partition(f'{SUFFIX}/_versions/')
                if mark:
                    names.add(name)
        for name in sorted(names):
            with suppress(MissingFileError):
                yield self.entry(root + name)

    def remove(self, url: str) -> None:
        """Remove what an array is made of: versions from the first to the last, then data."""
        stream = self._stream(_suffixed(url))
        objects = stream.client.objects
        pages = reading(url, lambda: list(objects.list(f'{stream.key}/', chunk_size=1000)))
        keys = [meta['path'] for meta in chain.from_iterable(pages)]
        versions = sorted((key for key in keys if '/_versions/' in key), key=_manifest_order)
        for key in [*versions, *(key for key in keys if '/_versions/' not in key)]:
            with suppress(MissingFileError), service_errors(url):
                objects.delete(key)

    def place(self, url: str) -> tuple[str, dict[str, str]]:
        """Return where Lance finds the dataset of a URL, and the settings that it needs."""
        key = urllib.parse.quote(self._stream(_suffixed(url)).key)
        bucket = name_of(url).partition('/')[0]
        return f's3://{bucket}/{key}', s3_settings(self.options, url)

    def guard(self, url: str) -> None:
        """Refuse a service that would lose changes."""
        self._stream(_suffixed(url)).guard()

    def _stream(self, url: str, least: int = 1) -> Stream:
        return S3Store(self.options).stream(url, least)


def _suffixed(url: str) -> str:
    """Return the URL of the dataset of an array, whose name is looked at before anything is added to it."""
    name_of(url)
    return url + SUFFIX


def _manifest_order(key: str) -> tuple[bool, str]:
    """Return what sorts manifests from the first to the last; Lance's newer names count down."""
    name = key.rpartition('/')[2].partition('.')[0]
    return (not name.isdigit(), f'{(1 << 64) - 1 - int(name):020d}' if len(name) == 20 else name.zfill(20))


def marked(batch: Any) -> Any:
    """Return a record batch whose blobs are blob columns of Lance."""
    arrays, fields = list(batch.columns), list(batch.schema)
    for place, field in enumerate(fields):
        if described(field).get('blob') and field.type == pa.large_binary():
            arrays[place] = _blob_column(arrays[place])
            fields[place] = field.with_type(arrays[place].type)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields, metadata=batch.schema.metadata))


def _blob_column(data: Any) -> Any:
    kind = _lazy.load('lance.blob').BlobType()
    fields = list(kind.storage_type)
    parts = [data if field.name == 'data' else pa.nulls(len(data), field.type) for field in fields]
    return pa.ExtensionArray.from_storage(
        kind, pa.StructArray.from_arrays(parts, fields=fields, mask=data.is_null())
    )


def _counted(batches: Iterable[Any], advance: Callable[[int], None]) -> Iterator[Any]:
    for batch in batches:
        yield batch
        advance(batch.num_rows)


def _datasets_in(root: str) -> Iterator[str]:
    """Yield the names of the datasets in a folder, and in those in it."""
    for folder, inside, _ in os.walk(root):
        base = os.path.relpath(folder, root).replace(os.sep, '/')
        for name in [one for one in inside if one.endswith(SUFFIX)]:
            if os.path.isdir(os.path.join(folder, name, '_versions')):
                inside.remove(name)
                yield (name if base == '.' else f'{base}/{name}').removesuffix(SUFFIX)
