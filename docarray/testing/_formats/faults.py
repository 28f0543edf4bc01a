"""The contract of formats, third part: hostile bytes, other versions of a class, threads."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
from numpy.testing import assert_raises

from docarray.array.rows import DocumentArray
from docarray.batch import Batch
from docarray.document import BaseDocument
from docarray.errors import DocArrayError
from docarray.formats import Format
from docarray.rowbatch import RowBatch
from docarray.schema import Schema, schema_of
from docarray.testing._formats.base import FormatTests, Message, cut, messages
from docarray.testing._formats.batches import FORMS, columns
from docarray.testing._formats.classes import GALLERY
from docarray.testing._formats.difference import difference
from docarray.testing._formats.documents import made_class
from docarray.testing._formats.hostile import PICKLES, Canary, fired, mutated
from docarray.typing import NdArray

Read = Callable[[bytes, Schema], Batch]

#: More seconds than any answer to a small message may take, on a slow machine too.
_PATIENCE = 20.0


#: The class of arrays of a document class that is made at run time.
_array: Any = DocumentArray


def _made(name: str, config: dict[str, Any] | None = None, **fields: Any) -> Any:
    """Return a document class; a field is an annotation, or a pair of one and its default."""
    return type(name, (made_class(BaseDocument, **fields),), {'model_config': config or {}})


class FaultTests(FormatTests):
    """What is not as it should be is refused by name, or read where that is right."""

    # other versions of the class

    def test_a_class_that_has_grown(self) -> None:
        """Fields that are not in the bytes take their defaults; those that are in no class are left out."""
        part = _made('Part', text=str)
        new_part = _made('Part', text=str, more=(int, 7))
        old = _made('Page', title=str, gone=list[int], part=part, parts=_array[part])
        new = _made(
            'Page',
            title=str,
            part=new_part,
            parts=_array[new_part],
            note=(str | None, None),
            words=(list[str], ['none']),
        )
        written = [
            old(title=str(row), gone=[1], part=part(text='a'), parts=[part(text='b')] * row)
            for row in range(3)
        ]
        for form in ('rows', 'columns'):
            read = self._reread(written, new, form)
            assert [(one.id, one.title, one.note, one.words) for one in read] == [
                (one.id, one.title, None, ['none']) for one in written
            ]
            assert [one.part.id for one in read] == [one.part.id for one in written]
            assert {one.part.more for one in read} == {7}
            assert [[inner.more for inner in one.parts] for one in read] == [[], [7], [7, 7]]
            assert not hasattr(read[0], 'gone')

    def test_fields_of_other_types(self) -> None:
        """What pydantic makes of a value of the old type is what the new one gets."""
        written = [_made('Page', n=int, text=str, maybe=str | None)(n=2, text='7', maybe='x')] * 2
        new = _made('Page', n=float, text=int, maybe=str)
        for form in ('rows', 'columns'):
            read = self._reread(written, new, form)
            assert [(one.n, one.text, one.maybe) for one in read] == [(2.0, 7, 'x')] * 2
            assert type(read[0].n) is float

    def test_fields_that_do_not_fit(self) -> None:
        """An error names the row and the field."""
        part, new_part = _made('Part', n=str), _made('Part', n=int)
        old = _made('Page', n=str, maybe=int | None, real=float, array=NdArray, part=part, words=list[str])
        good = {'n': '1', 'maybe': 1, 'real': 1.0, 'array': np.zeros(3), 'part': part(n='1'), 'words': ['1']}
        faults: list[tuple[str, Any, Any]] = [
            ('n', int, 'many'),
            ('maybe', int, None),
            ('real', int, 1.5),
            ('array', NdArray[3], np.zeros(4)),
            ('part', new_part, part(n='many')),
            ('words', list[int], ['1', 'many']),
        ]
        for name, annotation, value in faults:
            new = _made('Page', **{name: annotation})
            written = [old(**good), old(**{**good, name: value}), old(**good)]
            for form in ('rows', 'columns'):
                error = self._refusal(lambda: self._reread(written, new, form))  # noqa: B023 - called at once
                assert re.search(r'\b1\b', str(error)), f'{name}: no row in: {error}'
                assert re.search(rf'\b{name}\b', str(error)), f'{name}: no field in: {error}'

    def test_required_fields_that_are_missing(self) -> None:
        """A field without a default has to be there, in documents inside others too."""
        part = _made('Part', text=str)
        written = [_made('Page', part=part)(part=part(text='a'))] * 2
        for new in (_made('Page', title=str), _made('Page', part=_made('Part', title=str))):
            error = self._refusal(lambda: self._reread(written, new, 'columns'))  # noqa: B023 - called at once
            assert re.search(r'\btitle\b', str(error)), str(error)

    def test_classes_that_forbid_more_fields(self) -> None:
        """A class of ``extra='forbid'`` refuses what it does not know."""
        written = [_made('Page', title=str, more=int)(title='a', more=1)]
        new = _made('Page', title=str, config={'extra': 'forbid'})
        error = self._refusal(lambda: self._reread(written, new, 'rows'))
        assert re.search(r'\bmore\b', str(error)), str(error)

    def test_extra_fields_do_not_get_lost(self) -> None:
        """Fields that a document has beyond its class come back, or are refused when it is written."""
        cls = _made('Page', title=str, config={'extra': 'allow'})
        try:
            read = self._reread([cls(title='a', more=[1])], cls, 'rows')
        except DocArrayError:
            return
        assert read[0].more == [1]

    # hostile bytes

    def test_damaged_messages(self) -> None:
        """Damaged bytes are refused with an error of docarray's, or are another whole message."""
        found = []
        for cls, documents in GALLERY.items():
            for form in ('rows', 'columns'):
                batch, _ = FORMS[form](schema_of(cls), documents)
                found.append((self.format.dumps(batch), schema_of(cls)))
        self._damage(found, lambda data, schema: self.format.loads(data, schema))

    def test_damaged_streams(self) -> None:
        """So are those of streams."""

        def read(data: bytes, schema: Schema) -> Batch:
            parts = [*self.format.load_stream(cut(data, [50]), schema)]
            return type(parts[0]).concat(parts) if parts else columns(schema, [])

        found = []
        for cls, documents in GALLERY.items():
            batches = [columns(schema_of(cls), documents), RowBatch(schema_of(cls), documents)]
            found.append((b''.join(self.format.dump_stream(batches)), schema_of(cls)))
        self._damage(found, read)

    def test_bytes_of_something_else(self) -> None:
        """Bytes that are no message at all are refused, or are one of no documents."""
        schema = schema_of(Message)
        other = schema_of(next(iter(GALLERY)))
        foreign = self.format.dumps(RowBatch(other, GALLERY[other.document_type]))
        for data in (
            b'',
            b'\0',
            b'\xff' * 64,
            b'[',
            b'{}' * 9,
            b'PAR1',
            b'ARROW1\0\0',
            b'\x1f\x8b',
            *PICKLES,
        ):
            self._accepts_or_refuses(data, schema, self.format.loads, repr(data))
        self._accepts_or_refuses(foreign, schema, self.format.loads, 'a message of another class')

    def test_cut_messages(self) -> None:
        """A message that ends too early is refused, or is a whole message of what there is."""
        schema = schema_of(Message)
        for form in ('rows', 'columns'):
            message = self.format.dumps(FORMS[form](schema, messages(4))[0])
            for end in range(0, len(message), max(1, len(message) // 200)):
                self._accepts_or_refuses(message[:end], schema, self.format.loads, f'the first {end} bytes')

    def test_nothing_is_unpickled(self) -> None:
        """Pickles are data like any other, and objects are refused rather than pickled."""
        schema = schema_of(Message)
        before = len(fired)
        message = self.format.dumps(RowBatch(schema, [Message(text='', data=PICKLES[0])]))
        for pickle in PICKLES:
            for data in (pickle, pickle + message, message + pickle):
                self._accepts_or_refuses(data, schema, self.format.loads, repr(data))
            data = message.replace(PICKLES[0], pickle)
            self._accepts_or_refuses(data, schema, self.format.loads, repr(data))
            self.check(Message, [Message(text='', data=pickle)], 'rows')
        cls = _made('Page', thing=Any)
        for value in (Canary(), [Canary()], {'a': Canary()}):
            for form in ('rows', 'columns'):
                batch, _ = FORMS[form](schema_of(cls), [cls(thing=value)])
                assert_raises(DocArrayError, self.format.dumps, batch)
        assert len(fired) == before, 'something was pickled or unpickled'

    # more

    def test_threads(self) -> None:
        """One format serves several threads."""
        schema, documents = schema_of(Message), messages(50)

        def work(start: int) -> str:
            message = self.format.dumps(RowBatch(schema, documents[start:]))
            return difference(self.format.loads(message, schema).rows(), documents[start:], self.keeps_dtype)

        with ThreadPoolExecutor(4) as pool:
            assert not any(pool.map(work, range(24)))

    # helpers

    def _reread(self, written: list[Any], cls: Any, form: str) -> list[Any]:
        """Write documents of one class and read them as another."""
        batch, _ = FORMS[form](schema_of(type(written[0])), written)
        return self.format.loads(self.format.dumps(batch), schema_of(cls)).rows()

    def _refusal(self, read: Callable[[], Any]) -> DocArrayError:
        try:
            got = read()
        except DocArrayError as error:
            return error
        raise AssertionError(f'no error, but {got}')

    def _damage(self, found: list[tuple[bytes, Schema]], read: Read) -> None:
        others = [data for data, _ in found]
        for seed in range(self.damages):
            source = random.Random(seed)  # noqa: S311 - which a seed repeats
            data, schema = source.choice(found)
            self._accepts_or_refuses(mutated(data, others, source), schema, read, f'seed {seed}')

    def _accepts_or_refuses(self, data: bytes, schema: Schema, read: Read, what: str) -> None:
        """Read bytes: an error of docarray's, or documents that are whole and can be written again."""
        start = perf_counter()
        try:
            batch = read(data, schema)
            rows = batch.rows()
            assert len(rows) == len(batch)
            assert {type(row) for row in rows} <= {schema.document_type}
            assert self._again(batch, schema) == len(batch)
            assert [len(column) for column in batch.data.values()] == [len(batch)] * len(schema.fields)
        except DocArrayError:
            pass
        except Exception as error:
            name = schema.document_type.__name__
            raise AssertionError(f'{what}, read as {name}: {data[:500]!r} raised {error!r}') from error
        assert perf_counter() - start < _PATIENCE, f'{what}: took {perf_counter() - start} s'

    def _again(self, batch: Batch, schema: Schema) -> int:
        form: Format = self.format
        return len(form.loads(form.dumps(batch), schema))
