"""What docarray asks of a search engine or database: columns in, arrays of ids and scores out.

A driver does only what engines differ in. Document classes, nested documents, sub-indexes, the query
builder and the wording of errors are dealt with above it, once for all engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from docarray.batch import Batch
from docarray.schema import Column, Schema
from docarray.search.query import Node

__all__ = ['Capability', 'Columns', 'Driver', 'Hits', 'Query', 'TextPart', 'VectorPart']

Capability = Literal[
    'vector', 'text', 'filter', 'vector+filter', 'text+filter', 'hybrid', 'native', 'parents'
]
"""What a driver can do: search by one of these, or by two at a time (in one pass, so that ``limit`` hits
come back whenever there are as many); 'hybrid' joins vector and text, 'native' takes the engine's own
queries, 'parents' keeps sub-indexes."""


@dataclass(frozen=True)
class Columns:
    """What an index holds: the columns of a schema, and what the user says about each.

    Attributes:
        schema: The schema of the batches that come and go.
        options: By path, what stands in the class behind a field: ``Field(..., json_schema_extra=
            {'space': 'l2'})``. A column that is not to be indexed has ``{'index': False}``.
        parents: Whether this is a sub-index, whose rows each belong to a document of another index.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> [column.path for column in Columns(schema_of(TextDoc)).vectors]
        ['embedding']
    """

    schema: Schema
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parents: bool = False

    def __iter__(self) -> Iterator[Column]:
        """Yield the columns that hold values; 'docs' columns are sub-indexes, and not in here."""
        return (column for column in self.schema.columns if column.codec.kind.name != 'docs')

    @property
    def vectors(self) -> list[Column]:
        """The columns that a vector search can go by."""
        return [column for column in self if column.codec.kind.name == 'tensor']


@dataclass(frozen=True)
class VectorPart:
    """Look for the rows nearest to vectors.

    Attributes:
        path: The column.
        vectors: The queries, (q, d), of a float dtype; finite.
    """

    path: str
    vectors: npt.NDArray[Any]


@dataclass(frozen=True)
class TextPart:
    """Look for the rows that suit texts, by the engine's own measure.

    Attributes:
        path: The column.
        texts: The queries, q of them: words, never a query language.
    """

    path: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """One search, or q of the same sort at a time.

    A row has to meet ``filter``, ``parents`` and ``native`` (where they are given), and is ranked by
    ``vector`` and ``text``; without those two, there is one query whose hits come in the order of ids.

    Attributes:
        vector: Rank by distance to vectors.
        text: Rank by text. With ``vector`` too, both have q queries and ranks are joined.
        filter: The tree that ``docarray.search.query.parse`` makes.
        parents: In a sub-index, the ids of the documents whose rows count.
        native: What the engine's own language says, in whatever form the engine takes.
        limit: The most hits for each query; None for all.
        offset: How many of the best to leave out, for each query.
        options: Settings of this search only, such as ``{'ef': 200}``; unknown ones are refused.

    Example:
        >>> Query(vector=VectorPart('embedding', np.zeros((3, 8)))).count
        3
    """

    vector: VectorPart | None = None
    text: TextPart | None = None
    filter: Node | None = None
    parents: tuple[str, ...] | None = None
    native: Any = None
    limit: int | None = 10
    offset: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many queries these are."""
        if self.vector is not None:
            return len(self.vector.vectors)
        return 1 if self.text is None else len(self.text.texts)


@dataclass(frozen=True)
class Hits:
    """What a search found, for all its queries in one: the first ``counts[0]`` hits are those of query 0.

    Attributes:
        ids: The ids of the rows, (n,) of str, best first within each query.
        scores: What the engine's metric says of each, (n,) float64; zeros where nothing is ranked.
        counts: How many hits each query has, (q,) int64.
        parents: In a sub-index, the id of the document that each row belongs to, (n,) of str.

    Example:
        >>> hits = Hits.of([['a', 'b'], []], [[0.1, 0.2], []])
        >>> hits.counts.tolist(), [part.ids.tolist() for part in hits.split()]
        ([2, 0], [['a', 'b'], []])
    """

    ids: npt.NDArray[np.object_]
    scores: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    parents: npt.NDArray[np.object_] | None = None

    @classmethod
    def of(cls, ids: Sequence[Sequence[str]], scores: Sequence[Sequence[float]]) -> Hits:
        """Make hits of one list of ids and one of scores for each query."""
        flat = [one for query in ids for one in query]
        found = np.empty(len(flat), np.object_)
        found[:] = flat
        numbers = np.array([one for query in scores for one in query], np.float64)
        return cls(found, numbers, np.array([len(query) for query in ids], np.int64))

    def split(self) -> list[Hits]:
        """Return the hits of each query by themselves."""
        ends = np.cumsum(self.counts)
        return [
            Hits(
                self.ids[start:stop],
                self.scores[start:stop],
                self.counts[query : query + 1],
                None if self.parents is None else self.parents[start:stop],
            )
            for query, (start, stop) in enumerate(zip(ends - self.counts, ends, strict=True))
        ]


@runtime_checkable
class Driver(Protocol):
    """One engine, as docarray's indexes see it.

    All methods but ``open`` come between ``open`` and ``close``. Reading methods may be called by several
    threads at a time; the caller lets nothing else run beside ``upsert``, ``delete`` and ``close``.
    Values from users (ids, paths, texts) are data: a driver never puts them into a query text unescaped. An
    error of the engine becomes one docarray error with its cause kept.

    Attributes:
        name: The name under which it is registered.
        capabilities: What it can do; the caller asks for nothing else.
        nodes: The node types of filters that it evaluates, of those in ``docarray.search.query``.
        defaults: By kind name, the column options it knows and their values where the user says nothing.
        settings: The options of ``open`` it knows, and likewise their values.
    """

    name: ClassVar[str]
    capabilities: ClassVar[frozenset[Capability]]
    nodes: ClassVar[frozenset[type]]
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]]
    settings: ClassVar[Mapping[str, Any]]

    def open(self, columns: Columns, config: Mapping[str, Any]) -> None:
        """Connect, and create what is missing; what is there already is kept and served.

        Args:
            columns: What the index holds.
            config: Values for ``settings``; 'index_name' is among them.

        Raises:
            SchemaError: A column cannot be held, or what is there has other columns.
            QueryError: An unknown setting or column option; says which are known.
            FetchError: The engine cannot be reached.
        """

    def upsert(self, batch: Batch, parents: Sequence[str] | None = None) -> None:
        """Write rows; a row whose id is there replaces that one, wholly.

        Of equal ids in a batch the last counts.
        Rows are found by ``search``, ``get`` and ``count`` when this returns, and survive a crash after it
        where the engine keeps anything.

        Args:
            batch: Rows of the schema given to ``open``, with an id each. Left as it is.
            parents: In a sub-index, the id of the document that each row belongs to.
        """

    def delete(self, ids: Sequence[str]) -> int:
        """Delete rows for good and return how many were there; unknown ids do not matter."""

    def get(self, ids: Sequence[str]) -> tuple[npt.NDArray[np.bool_], Batch]:
        """Return which of the ids are there, (n,), and the rows of those, in the order asked for.

        Rows come back as they went in: all fields, vectors bit by bit where the engine keeps their dtype.
        """

    def count(self) -> int:
        """Return how many rows there are."""

    def search(self, query: Query) -> Hits:
        """Return the best rows.

        Rows whose column is missing are never hits of that column. Equal scores are ordered by id.

        Raises:
            QueryError: The query does not fit the columns: an unknown path, vectors of another length.
        """

    def close(self) -> None:
        """Write what is not written yet and let go of everything; a second call does nothing."""
