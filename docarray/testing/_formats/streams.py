"""The contract of formats, second part: streams."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from docarray.batch import Batch
from docarray.errors import DocArrayError
from docarray.rowbatch import RowBatch
from docarray.schema import schema_of
from docarray.testing._formats.base import FormatTests, Message, cut, many, messages
from docarray.testing._formats.batches import FORMS, columns

_SIZE, _COUNT = 2**20, 8


def _heavy() -> Iterator[Batch]:
    """Yield batches of one document of a mebibyte that does not compress."""
    for number in range(_COUNT):
        data = random.Random(number).randbytes(_SIZE)  # noqa: S311 - noise, the same each time
        document = Message(text=str(number), data=data)
        yield RowBatch(schema_of(Message), [document])


class StreamTests(FormatTests):
    """Any number of batches, written and read as they come."""

    @many
    @given(
        st.lists(st.integers(0, 4), max_size=4),
        st.lists(st.integers(0, 40), min_size=1, max_size=5).filter(any),
        st.sampled_from(sorted(FORMS)),
    )
    def test_streams(self, sizes: list[int], cuts: list[int], form: str) -> None:
        """Any number of batches, empty ones too, come back from a stream that is cut anywhere."""
        schema, made = schema_of(Message), []
        wanted: list[Any] = []
        for size in sizes:
            batch, documents = FORMS[form](schema, messages(size, len(wanted)))
            made.append(batch)
            wanted += documents
        stream = b''.join(self.format.dump_stream(iter(made)))
        read = list(self.format.load_stream(cut(stream, cuts), schema))
        assert all(map(len, read)), 'an empty batch was yielded'
        self.same([row for batch in read for row in batch.rows()], wanted)

    def test_streams_without_documents(self) -> None:
        """No batch at all, and batches of no documents, are streams of no documents."""
        schema = schema_of(Message)
        for batches in ([], [RowBatch(schema, [])], [columns(schema, [])] * 2):
            stream = b''.join(self.format.dump_stream(iter(batches)))
            assert list(self.format.load_stream(iter([stream]), schema)) == []

    def test_streams_are_written_as_they_come(self) -> None:
        """No more than one batch is looked at ahead of what has been yielded."""
        taken = yielded = 0

        def batches() -> Iterator[Batch]:
            nonlocal taken
            for batch in _heavy():
                taken += 1
                yield batch

        for chunk in self.format.dump_stream(batches()):
            yielded += len(chunk)
            assert (taken - 2) * _SIZE <= yielded, f'{taken} batches taken for {yielded} bytes'
        assert taken == _COUNT

    def test_streams_are_read_as_they_come(self) -> None:
        """Documents are there when their bytes are, not when all have been read."""
        stream = b''.join(self.format.dump_stream(_heavy()))
        taken = documents = 0

        def chunks() -> Iterator[bytes]:
            nonlocal taken
            for chunk in cut(stream, [2**16]):
                taken += len(chunk)
                yield chunk

        for batch in self.format.load_stream(chunks(), schema_of(Message)):
            documents += len(batch)
            behind = taken / len(stream) * _COUNT - documents
            assert not self.reads_early or behind <= 2, f'{documents} of {_COUNT} after {taken} bytes'
        assert documents == _COUNT

    def test_streams_that_end_too_early(self) -> None:
        """A stream that is cut gives documents as they were written, and then an error or its end."""
        schema, wanted = schema_of(Message), messages(6)
        batches = [RowBatch(schema, wanted[start : start + 2]) for start in (0, 2, 4)]
        stream = b''.join(self.format.dump_stream(iter(batches)))
        for end in range(0, len(stream), max(1, len(stream) // 300)):
            got: list[Any] = []
            try:
                for batch in self.format.load_stream(iter([stream[:end]]), schema):
                    got += batch.rows()
            except DocArrayError:
                pass
            self.same(got, wanted[: len(got)], f'the first {end} bytes')
