"""Files of JSON: one array of documents, or a document a line. Either protocol reads both.

What versions 0.30 to 0.41 wrote of stacked arrays is read too: one object of four, the columns of tensors, of
documents, of arrays of documents and of anything else, each by the names of the fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pydantic
import pydantic_core

from docarray.batch import Batch, collector_paused
from docarray.errors import FormatError, InvalidValueError, TruncatedError, ValidationError, show
from docarray.formats.files.inputs import Input, refuse_pickle
from docarray.formats.files.outputs import Job, Sink
from docarray.formats.grouping import groups
from docarray.formats.json import SPACE, dump_document, dump_rows, load_rows, split_lines
from docarray.formats.json_earlier import bytes_in_base64, reads_no_base64
from docarray.lowering import SCHEMALESS_MARK, STACKED_MARK
from docarray.rowbatch import RowBatch

__all__ = [
    'array_from_json',
    'document_from_json',
    'load_columns',
    'load_document',
    'read_json',
    'save_array',
    'save_lines',
    'write_array',
    'write_lines',
]

#: How much is looked at to see what JSON it is.
_HEAD_BYTES = 256


# -- writing ------------------------------------------------------------------------------------------


def write_array(array: Any) -> bytes:
    """Return an array as a JSON array, for ``to_bytes``."""
    return dump_rows(Job(array).rows()).encode()


def write_lines(array: Any) -> bytes:
    """Return an array as a document a line, for ``to_bytes``."""
    return b''.join(map(_line, Job(array).rows()))


def _line(document: Any) -> bytes:
    return dump_document(document).encode() + b'\n'


def save_array(job: Job, sink: Sink) -> None:
    """Write an array as a JSON array, some documents at a time."""
    sink.write(b'[')
    for number, piece in enumerate(job.pieces(sink)):
        sink.write((',' if number else '').encode() + dump_rows(piece)[1:-1].encode())
    sink.write(b']')


def save_lines(job: Job, sink: Sink) -> None:
    """Write an array as a document a line."""
    for piece in job.pieces(sink):
        sink.write(b''.join(map(_line, piece)))


# -- reading ------------------------------------------------------------------------------------------


def document_from_json(cls: Any, data: str | bytes, bytes_as: str) -> Any:
    """Read a document from JSON. See ``DocumentIO.from_json``."""
    return cls.model_validate_json(_with_base64(data, cls, bytes_as))


def array_from_json(cls: Any, data: str | bytes, bytes_as: str) -> Any:
    """Read an array from JSON. See ``ArrayIO.from_json``."""
    data = _with_base64(data, cls.document_type, bytes_as)
    stacked = hasattr(cls, STACKED_MARK)
    head = data[:_HEAD_BYTES].lstrip() if stacked else b''
    if _COLUMNS.match(head.encode() if isinstance(head, str) else head):
        return cls(load_columns(data, cls.document_type, cls.__name__))
    rows = load_rows(data, cls.document_type, cls.__name__)
    return cls(rows) if stacked else cls.construct(rows)


def _with_base64(data: str | bytes, document_type: Any, bytes_as: str) -> str | bytes:
    if bytes_as not in ('base64', 'text'):
        where = document_type.__name__
        raise InvalidValueError(where=where, got=f'bytes_as={show(bytes_as)}', wanted="'base64' or 'text'")
    return data if bytes_as == 'base64' else bytes_in_base64(data, document_type)


def read_json(data: Input, lines: bool) -> Iterator[Batch]:
    """Yield the documents of a JSON array or of lines, up to an error.

    Args:
        data: What to read.
        lines: Whether the protocol is a document a line, where nothing at all is no document.
    """
    head, chunks = data.peeked(_HEAD_BYTES)
    refuse_pickle(head, data.name)
    start = head.lstrip(SPACE)
    if start.startswith(b'[') or (not start and not lines):
        yield from _array(data, chunks)
    elif _COLUMNS.match(start):
        view, fault = data.whole(chunks)
        if fault is not None:
            raise fault
        yield RowBatch(data.schema, load_columns(bytes(view), data.schema.document_type, data.name))
    else:
        yield from _batches(data, split_lines(chunks, data.limits, data.name))


def _array(data: Input, chunks: Iterable[Any]) -> Iterator[Batch]:
    """Yield the documents of a JSON array: all at once, unless something is wrong or they are streamed."""
    fault: FormatError | None = None
    if not data.streaming:
        view, fault = data.whole(chunks)
        documents = None if fault else _fast(bytes(view), data)
        if documents is not None:
            yield RowBatch(data.schema, documents)
            return
        chunks = [view]
    yield from _batches(data, _elements(data, chunks, fault))


def _fast(text: bytes, data: Input) -> list[Any] | None:
    """Return all documents of an array at once; None where its JSON is wrong, or may have too many."""
    if text.count(b'{') > data.limits.documents:
        return None
    try:
        documents = load_rows(text, data.schema.document_type)
    except ValidationError as error:
        if _json_fault(error):
            return None
        if not reads_no_base64(error):
            raise
        try:
            documents = load_rows(bytes_in_base64(text, data.schema.document_type), data.schema.document_type)
        except ValidationError:
            raise error from error.__cause__
    return documents


def _json_fault(error: pydantic_core.ValidationError) -> str:
    """What is wrong with the JSON, '' if something else is."""
    first = error.errors(include_url=False)[0]
    return str(first['msg']) if first['type'] == 'json_invalid' else ''


def _batches(data: Input, texts: Iterator[tuple[bytes, bool]]) -> Iterator[Batch]:
    """Yield the documents of texts of one document each.

    Args:
        data: What is read, for its class and name.
        texts: The JSON of each document, and whether more must follow, so that it is whole.
    """
    read = _reader(data.schema.document_type)
    done = 0
    for group in groups(texts, lambda text: len(text[0])):
        documents: list[Any] = []
        fault: FormatError | None = None
        with collector_paused():
            for text, ended in group:
                data.limits.check('documents', done + len(documents) + 1, data.name)
                try:
                    documents.append(read(text))
                except pydantic.ValidationError as error:
                    fault = _fault(error, data.name, done + len(documents), ended)
                    break
        if documents:
            yield RowBatch(data.schema, documents)
        if fault is not None:
            raise fault
        done += len(documents)


def _fault(error: pydantic_core.ValidationError, where: str, row: int, ended: bool) -> FormatError:
    """Return the error about a document whose JSON is wrong, or raise that about one that is not valid."""
    wrong = _json_fault(error)
    if not wrong:
        raise ValidationError.of(error, inside=(row,)) from error.__cause__
    cls = FormatError if ended else TruncatedError
    made = cls(where=f'{where} (row {row})', got=show(wrong, 200), wanted='the JSON of a document')
    made.__cause__ = error
    return made


def load_document(text: bytes, cls: Any) -> Any:
    """Return the document of a JSON object.

    Raises:
        ValidationError: It was refused.
        FormatError: It is no JSON.

    Example:
        >>> from docarray.documents import TextDoc
        >>> load_document(b'{"text": "a"}', TextDoc).text
        'a'
    """
    try:
        return _reader(cls)(text)
    except pydantic.ValidationError as error:
        wrong = _json_fault(error)
        if not wrong:
            raise ValidationError.of(error) from error.__cause__
        made = TruncatedError if 'EOF' in wrong else FormatError
        raise made(where=cls.__name__, got=show(wrong, 200), wanted='the JSON of a document') from error


def _reader(document_type: Any) -> Callable[[bytes], Any]:
    if getattr(document_type, SCHEMALESS_MARK, False):
        return lambda text: load_rows(b'[' + text + b']', document_type)[0]
    read: Callable[[bytes], Any] = document_type.__pydantic_validator__.validate_json
    return read


# -- the elements of an array -------------------------------------------------------------------------


def _elements(
    data: Input, chunks: Iterable[Any], fault: FormatError | None = None
) -> Iterator[tuple[bytes, bool]]:
    """Yield the text of each element of a JSON array, as it comes, and raise the error about the rest."""
    splitter = _Splitter(data)
    for chunk in chunks:
        for text in splitter.feed(chunk):
            yield text, True
    if fault is not None:
        raise fault
    splitter.finish()


_IN_STRING = re.compile(rb'["\\]')
_AMONG_ELEMENTS = re.compile(rb'["\[\]{},]')
_IN_ELEMENT = re.compile(rb'["\[\]{}]')


class _Splitter:
    """Finds where the elements of a JSON array end; the JSON parser looks at what is in them."""

    def __init__(self, data: Input) -> None:
        self.data = data
        self.buffer = bytearray()
        self.begin = self.place = self.depth = self.count = 0
        self.in_string = self.ended = False

    def feed(self, chunk: Any) -> Iterator[bytes]:
        """Yield the elements that end in the next chunk."""
        self.buffer += chunk
        while not self.ended and (mark := self._next()):
            if mark in b'[{':
                self.depth += 1
                self.data.limits.check('depth', self.depth, self.data.name)
                if self.depth == 1:
                    self.begin = self.place
            elif mark in b']}':
                self.depth -= 1
                self.ended = self.depth == 0
                if self.ended and mark == b'}':
                    raise FormatError(where=self.data.name, got="'}' in an array", wanted="','")
            if self.ended or mark == b',':
                text = bytes(self.buffer[self.begin : self.place - 1])
                self.begin = self.place
                if not self.ended or self.count or text.strip(SPACE):
                    self.count += 1
                    yield text
        del self.buffer[: self.begin]
        self.place -= self.begin
        self.begin = 0
        self.data.limits.check('size', len(self.buffer), self.data.name)
        if self.ended and self.buffer.strip(SPACE):
            raise FormatError(where=self.data.name, got='more behind the array', wanted='its end')

    def _next(self) -> bytes:
        """Return the next mark that is not in a string, b'' where more has to come first."""
        while True:
            pattern = _IN_STRING if self.in_string else _AMONG_ELEMENTS if self.depth == 1 else _IN_ELEMENT
            found = pattern.search(self.buffer, self.place)
            if found is None:
                self.place = len(self.buffer)
                return b''
            mark, self.place = bytes(found.group()), found.end()
            if mark == b'\\':
                if self.place == len(self.buffer):  # what is escaped has not come yet
                    self.place -= 1
                    return b''
                self.place += 1
            elif mark == b'"':
                self.in_string = not self.in_string
            else:
                return mark

    def finish(self) -> None:
        """Raise TruncatedError unless the array has ended."""
        if not self.ended:
            raise TruncatedError(
                where=self.data.name, got=f'its end in element {self.count}', wanted='a whole JSON array'
            )


# -- columns, as versions 0.30 to 0.41 wrote them -----------------------------------------------------


_COLUMNS = re.compile(rb'\{\s*"(tensor|doc|docs_vec|any)_columns"\s*:')
_TENSORS, _DOCUMENTS, _ARRAYS, _OTHERS = 'tensor_columns', 'doc_columns', 'docs_vec_columns', 'any_columns'


def load_columns(text: str | bytes, document_type: Any, where: str = 'json') -> list[Any]:
    """Return the documents of a stacked array as versions 0.30 to 0.41 wrote it.

    Raises:
        FormatError: It is no such object.
        ValidationError: A document was refused; the path of its faults starts with the row.

    Example:
        >>> from docarray.documents import TextDoc
        >>> text = b'{"tensor_columns": {}, "any_columns": {"text": ["a", "b"]}}'
        >>> load_columns(text, TextDoc)[1].text
        'b'
    """
    try:
        columns = pydantic_core.from_json(text)
    except ValueError as error:
        cls = TruncatedError if 'EOF' in str(error) else FormatError
        raise cls(where=where, got=show(str(error)), wanted='a JSON object of columns') from error
    return load_rows(pydantic_core.to_json(_rows_of(columns, where)), document_type)


def _rows_of(columns: Any, where: str) -> list[dict[str, Any]]:
    parts: dict[str, list[Any] | None] = dict(
        (*_named(columns, _TENSORS, where), *_named(columns, _OTHERS, where))
    )
    for name, column in _named(columns, _DOCUMENTS, where):
        parts[name] = None if column is None else _rows_of(column, where)
    for name, column in _named(columns, _ARRAYS, where):
        parts[name] = None if column is None else [_rows_of(array, where) for array in column]
    there = {len(column) for column in parts.values() if column is not None}
    if len(there) > 1:
        raise FormatError(where=where, got=f'columns of {sorted(there)} rows', wanted='columns of one length')
    return [
        {name: None if column is None else column[row] for name, column in parts.items()}
        for row in range(max(there, default=0))
    ]


def _named(columns: Any, kind: str, where: str) -> list[tuple[str, Any]]:
    """Return the columns of a kind, each None or a list, or whatever it is for documents."""
    found = columns.get(kind, {}) if isinstance(columns, dict) else None
    wanted = (dict, type(None)) if kind == _DOCUMENTS else (list, type(None))
    if not isinstance(found, dict) or not all(isinstance(column, wanted) for column in found.values()):
        raise FormatError(where=where, got=show(columns), wanted='an object of columns')
    return list(found.items())
