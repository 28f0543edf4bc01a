"""Opened arrays that can be changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from docarray.array.rows import DocumentArray
from docarray.array.typed import typed
from docarray.errors import InvalidValueError, UnsupportedError, show
from docarray.formats.arrow.write import LANCE, record_batch
from docarray.formats.building import array_of, batch_of
from docarray.formats.files.arrow import stream_batches
from docarray.schema import schema_of
from docarray.stores import ArrayVersion
from docarray.stores.arrays import arrays_at, checked
from docarray.stores.opened import OpenedArray

__all__ = ['ChangingArray']

T = TypeVar('T')


class ChangingArray(OpenedArray[T]):
    """An opened array whose documents can be changed: one of ``lance://`` or ``lance+s3://``.

    Each change is a new version of the array, there whole or not at all, also if its process is killed;
    changes of several writers come one after the other. An opened array moves on to the version that its own
    change has made; those of others are seen by ``refresh``. One that was opened at an older version cannot
    be changed.

    Example:
        >>> import tempfile
        >>> from docarray.documents import TextDoc
        >>> url = f'lance://{tempfile.mkdtemp()}/texts'
        >>> DocumentArray[TextDoc]([TextDoc(id=name, text=name) for name in 'abc']).push(url)
        >>> opened = DocumentArray[TextDoc].open(url)
        >>> opened.append([TextDoc(id='d', text='d')])
        >>> opened.upsert([TextDoc(id='a', text='A')])
        >>> opened.delete(['b'])
        1
        >>> sorted(opened.text), [version.documents for version in opened.versions()]
        (['A', 'c', 'd'], [3, 4, 4, 3])
        >>> DocumentArray[TextDoc].open(url, version=1).text
        ['a', 'b', 'c']
    """

    def append(self, docs: Iterable[T]) -> None:
        """Add documents, as they come, behind those that are there.

        Raises:
            SchemaError: The array is of another class.
            StoreError: They cannot be written; none of them is.
        """
        self._changes().append(self._batches(docs))
        self.refresh()

    def upsert(self, docs: Iterable[T]) -> None:
        """Put documents in the place of those with their ids; those whose ids are new are added.

        Raises:
            InvalidValueError: Two of them have the same id, or one has none.
            ConflictError: Others changed the same documents at the same time, again and again.
        """
        found = list(docs)
        ids = Counter(getattr(document, 'id', None) for document in found)
        twice = [one for one, count in ids.items() if count > 1 or one is None]
        if twice:
            raise InvalidValueError(
                where=f'{self.url}, upsert',
                got=f'the id {show(twice[0])} {ids[twice[0]]} times',
                wanted='ids, each once',
            )
        if found:
            self._changes().upsert(self._batches(found))
            self.refresh()

    def delete(self, ids: Iterable[str] | None = None, *, where: Any = None) -> int:
        """Delete documents, and return how many there were.

        Args:
            ids: Of the documents.
            where: A condition in place of ids: a ``pyarrow.compute.Expression`` on columns, or one in the
                SQL of Lance. Put no values from outside into SQL; expressions take any.
        """
        if (ids is None) == (where is None):
            raise InvalidValueError(
                where=f'{self.url}, delete', got='both or none', wanted='ids or a condition'
            )
        if isinstance(ids, str):
            raise InvalidValueError(
                where=f'{self.url}, delete', got=f'the text {show(ids)}', wanted='a list of ids'
            )
        changes = self._changes()
        count: int = changes.delete_where(where) if ids is None else changes.delete_ids(list(ids))
        self.refresh()
        return count

    def add_fields(self, document_type: type, values: Callable[[Any], Iterable[Any]]) -> ChangingArray[Any]:
        """Return the array with more fields. Those that are there are not written anew.

        Args:
            document_type: A class with the fields of this one, and more.
            values: Takes a DocumentArray of some documents, and returns as many of the new class.

        Raises:
            SchemaError: A field is missing, or there is no new one.
            ConflictError: The array was changed meanwhile.
        """
        new, documents = schema_of(document_type), self._documents
        names = [name for name in new.fields if name not in documents.schema.fields]

        def columns() -> Iterator[Any]:
            for batch in documents.batches(release=True):
                before = array_of(typed(DocumentArray, self.document_type), batch)
                after = typed(DocumentArray, document_type)(values(before))
                if len(after) != len(before):
                    where, got = f'{self.url}, add_fields', f'{len(after)} documents'
                    raise InvalidValueError(where=where, got=got, wanted=f'{len(before)}, as were given')
                yield record_batch(batch_of(after), LANCE).select(names)

        self._changes().add_fields(new, columns(), documents.version)
        return type(self)(document_type, self.url, self.limits, self.storage_options)

    def versions(self) -> list[ArrayVersion]:
        """Return the versions that are there, from the oldest on. Any can be opened."""
        found: list[ArrayVersion] = self._changes(now=False).versions()
        return found

    def tag(self, name: str, version: int | None = None) -> None:
        """Give a version, by default the newest, a name to open it by, and keep it from being removed."""
        self._changes(now=False).tag(name, version)

    def untag(self, name: str) -> None:
        """Remove a name of a version."""
        self._changes(now=False).untag(name)

    def restore(self, version: int | str) -> None:
        """Make a version the newest one again, as a new version."""
        self._changes().restore(version)
        self.refresh()

    def compact(self, keep: timedelta | None = None) -> None:
        """Put what many changes have left in small files together.

        Args:
            keep: Also remove versions that are older, but for those with tags and the newest one.
        """
        self._changes().compact(keep)
        self.refresh()

    def refresh(self) -> None:
        """Move on to the newest version."""
        self._changes()
        self._open()

    def _changes(self, now: bool = True) -> Any:
        """Return what changes the array; ``now`` refuses if this is an older version."""
        if now and self.at is not None:
            raise UnsupportedError(
                where=self.url,
                got=f'a change of version {show(self.at)}',
                wanted='one of the newest version',
                hint='Open it without a version, or make this one the newest with restore().',
            )
        return arrays_at(self.url, self.storage_options).changes(self.url, self._documents.schema)

    def _batches(self, docs: Iterable[T]) -> Iterator[Any]:
        array = typed(DocumentArray, self.document_type)
        return stream_batches(self._documents.schema, checked(array, docs), LANCE)
