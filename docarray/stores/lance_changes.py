"""Changes of Lance datasets: each is one new version, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta, timezone
from typing import Any

from docarray import _lazy
from docarray.errors import ConflictError, SchemaError
from docarray.formats.arrow.types import CLASS, FINGERPRINT, VERSION, described, pa, record_of
from docarray.schema import Schema
from docarray.stores import ArrayVersion
from docarray.stores.handing import hand_on
from docarray.stores.lance import LanceArrays, marked
from docarray.stores.lance_documents import lance_errors, version_text

__all__ = ['LanceChanges']


class LanceChanges:
    """What can be done to a dataset.

    Args:
        arrays: Where it is kept.
        url: Of the array.
        schema: Of the class of its documents.
    """

    def __init__(self, arrays: LanceArrays, url: str, schema: Schema) -> None:
        self.arrays, self.url, self.schema = arrays, url, schema

    def append(self, batches: Iterator[Any]) -> None:
        """Add documents behind those that are there."""
        dataset = self._same_class()

        def write(reader: Any) -> None:
            _lazy.load('lance').write_dataset(
                reader, dataset, mode='append', storage_options=self.arrays.place(self.url)[1]
            )

        self._hand_on(batches, write)

    def upsert(self, batches: Iterator[Any]) -> None:
        """Put documents in the place of those with their ids, and add those whose ids are new."""
        merge = self._same_class().merge_insert('id')
        merge = merge.when_matched_update_all().when_not_matched_insert_all()
        self._hand_on(batches, merge.execute)

    def delete_ids(self, ids: Sequence[str]) -> int:
        """Delete documents by id, and return how many there were."""
        dataset = self._same_class()
        table = pa.table({'id': pa.array(ids, dataset.schema.field('id').type)})
        with lance_errors(self.url):
            found = dataset.merge_insert('id').when_matched_delete().execute(table)
        return int(found['num_deleted_rows'])

    def delete_where(self, where: Any) -> int:
        """Delete the documents of which a condition is true, and return how many there were.

        Lance knows few of pyarrow's expressions, so that those are looked at here.
        """
        with lance_errors(self.url):
            dataset = self._newest()
            if isinstance(where, str):
                return int(dataset.delete(where)['num_deleted_rows'])
            names = [field.name for field in dataset.schema if not described(field).get('blob')]
            parts = dataset.scanner(columns=names).to_batches()
            found = [pa.Table.from_batches([part]).filter(where)['id'].to_pylist() for part in parts]
        return self.delete_ids([one for part in found for one in part])

    def add_fields(self, schema: Schema, batches: Iterator[Any], version: str) -> None:
        """Add the columns that a class has beside those that are there.

        Args:
            schema: Of that class.
            batches: Its new columns, for all documents in order.
            version: Of the array whose documents they are for.
        """
        dataset, record = self._same_class(), record_of(schema)
        names = [field.name for field in dataset.schema]
        gone = [name for name in names if name not in schema.fields]
        if gone or len(record.fields) == len(names):
            raise SchemaError(
                where=schema.document_type.__name__,
                got=f'a class without {", ".join(gone) or "new fields"}',
                wanted=f'{self.schema.document_type.__name__} and more fields',
            )
        if version_text(dataset) != version:
            raise ConflictError(where=self.url, got='a newer version', wanted='the one that was opened')
        self._hand_on(batches, dataset.add_columns)
        told = {**(dataset.schema.metadata or {}), **record.metadata}
        with lance_errors(self.url):
            metadata = {key.decode(): one.decode() for key, one in told.items()}
            dataset.update_schema_metadata(metadata, replace=True)

    def versions(self) -> list[ArrayVersion]:
        """Return the versions that are there, from the oldest on."""
        dataset = self._newest()
        with lance_errors(self.url):
            tags: dict[int, list[str]] = {}
            for name, tag in dataset.tags.list().items():
                tags.setdefault(tag['version'], []).append(name)
            return [
                ArrayVersion(
                    one['version'],
                    one['timestamp'].astimezone(timezone.utc),
                    int(one['metadata']['total_rows']),
                    tuple(sorted(tags.get(one['version'], []))),
                )
                for one in dataset.versions()
            ]

    def tag(self, name: str, version: int | None) -> None:
        """Give a version a name, which another may have had."""
        dataset = self._newest()
        with lance_errors(self.url):
            known = name in dataset.tags.list()
            (dataset.tags.update if known else dataset.tags.create)(name, version or dataset.version)

    def untag(self, name: str) -> None:
        """Remove a name of a version."""
        with lance_errors(self.url):
            self._newest().tags.delete(name)

    def restore(self, version: int | str) -> None:
        """Make a version the newest one again."""
        dataset = self.arrays.dataset(self.url, version)
        with lance_errors(self.url):
            dataset.restore()

    def compact(self, keep: timedelta | None) -> None:
        """Put small files together and drop deleted rows; remove versions that are older than ``keep``."""
        dataset = self._newest()
        with lance_errors(self.url):
            dataset.optimize.compact_files()
            if keep is not None:
                dataset.cleanup_old_versions(older_than=keep, error_if_tagged_old_versions=False)

    def _newest(self) -> Any:
        return self.arrays.dataset(self.url)

    def _same_class(self) -> Any:
        """Return the newest version, if its documents are of the class."""
        dataset, record = self._newest(), record_of(self.schema)
        metadata = dataset.schema.metadata or {}
        if any(metadata.get(key) != record.metadata[key] for key in (FINGERPRINT, VERSION)):
            raise SchemaError(
                where=self.url,
                got=f'an array of {metadata.get(CLASS, b"documents of another program").decode()}',
                wanted=f'one of {self.schema.document_type.__name__}, with the same fields',
                hint='Open it as its class; add_fields makes it one of a class with more fields.',
            )
        return dataset

    def _hand_on(self, batches: Iterator[Any], write: Callable[[Any], Any]) -> None:
        """Let Lance take record batches, which may come out of another dataset."""
        first = next(batches)

        def taken(found: Iterator[Any]) -> None:
            with lance_errors(self.url):
                write(pa.RecordBatchReader.from_batches(marked(first).schema, found))

        def all_of_them() -> Iterator[Any]:
            yield marked(first)
            yield from map(marked, batches)

        hand_on(all_of_them(), taken)
