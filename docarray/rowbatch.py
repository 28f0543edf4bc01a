"""RowBatch: a batch that is documents until somebody looks at its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docarray.batch import Batch
from docarray.masks import Index
from docarray.schema import Schema


class RowBatch(Batch):
    """A batch of documents as they are: columns are made of them when they are first asked for.

    What row formats hand over, so that documents that are to become documents again are never packed.
    Tensors of several shapes, dtypes or frameworks stay as they are, in a column that is a list.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> text = TextDoc(text='a')
        >>> batch = RowBatch(schema_of(TextDoc), [text])
        >>> batch.rows()[0] is text, batch.data['text'].values()
        (True, ['a'])
    """

    __slots__ = ('documents',)

    def __init__(self, schema: Schema, documents: Sequence[Any]) -> None:
        self.schema, self.documents, self.length = schema, list(documents), len(documents)

    def __getattr__(self, name: str) -> Any:
        if name != 'data':
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        self.data: dict[str, Any] = Batch.of(self.schema, self.documents, ragged='exact').data
        return self.data

    def rows(self) -> list[Any]:
        """Return the documents themselves."""
        return list(self.documents)

    def take(self, index: Index) -> RowBatch:
        """Return some of the documents."""
        if isinstance(index, slice):
            return RowBatch(self.schema, self.documents[index])
        return RowBatch(self.schema, [self.documents[row] for row in index.tolist()])

    @classmethod
    def concat(cls, batches: Sequence[Batch]) -> RowBatch:
        """Return the documents of all batches in one."""
        return RowBatch(batches[0].schema, [row for batch in batches for row in batch.rows()])
