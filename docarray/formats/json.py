"""JSON: documents and arrays of them, as text for web clients, and as a format for batches.

A document's JSON is pydantic's own, with its aliases and serializers. Only the numbers of tensors are
written by orjson, straight from their memory: pydantic writes a unique word in place of each tensor,
which its numbers replace in the finished text. Classes with serializers of the user's, or with fields
of any type, which might bring some, go all the way through pydantic.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import orjson
import pydantic
from pydantic_core import PydanticSerializationError

from docarray._typed import class_cache
from docarray.array.rows import DocumentArray
from docarray.batch import Batch, collector_paused
from docarray.document import AnyDocument, tensor_form
from docarray.document_io import TensorForm
from docarray.errors import DocArrayError, InvalidValueError, TensorError, ValidationError, show
from docarray.formats.grouping import MOST_ROWS, groups
from docarray.formats.limits import DEFAULT_LIMITS, Limits
from docarray.lowering import STACKED_MARK
from docarray.rowbatch import RowBatch
from docarray.schema import Schema
from docarray.typing._coerce import framework_name, to_numpy
from docarray.typing.tensor_json import to_base64, to_json

__all__ = ['JsonFormat', 'dump_document', 'dump_rows', 'load_rows', 'split_lines']

Array = np.ndarray[Any, np.dtype[Any]]

# Looked up once, for they are used for each tensor.
_ndarray, _dumps, _NUMPY = np.ndarray, orjson.dumps, orjson.OPT_SERIALIZE_NUMPY

#: Before 2.11, pydantic's serializers wrote aliases unless they were told not to.
_BY_NAME: dict[str, Any] = (
    {} if 'serialize_by_alias' in pydantic.ConfigDict.__annotations__ else {'by_alias': False}
)

#: What may stand around a value.
SPACE = b' \t\r\n'


def dump_document(document: Any, tensors: TensorForm | None = None) -> str:
    """Return a document as JSON text. See ``BaseDocument.to_json``.

    Example:
        >>> from docarray.documents import TextDoc
        >>> dump_document(TextDoc(id='a', text='x'))[:21]
        '{"id":"a","text":"x",'
    """
    cls = type(document)
    return _dump(cls.__pydantic_serializer__, document, {cls}, tensors)


def dump_rows(array: Any, tensors: TensorForm | None = None) -> str:
    """Return an array of documents as the text of a JSON array. See ``BaseDocument.to_json``.

    Example:
        >>> from docarray.array.rows import DocumentArray
        >>> dump_rows(DocumentArray([]))
        '[]'
    """
    rows = array.unstack() if hasattr(type(array), STACKED_MARK) else array
    with collector_paused():
        return _dump_rows(rows, getattr(array, 'document_type', AnyDocument), tensors)


def _dump_rows(array: Iterable[Any], document_type: Any, tensors: TensorForm | None) -> str:
    rows = array if isinstance(array, list) else list(array)
    classes = set(map(type, rows)) if document_type is AnyDocument else {document_type}
    return _dump(_rows_adapter(document_type).serializer, rows, classes, tensors)


def _rows_adapter(document_type: Any) -> pydantic.TypeAdapter[Any]:
    values = class_cache(document_type).values
    if 'json_rows' not in values:
        rows = DocumentArray if document_type is AnyDocument else list[document_type]
        # Of values in fields of any type pydantic asks the outermost configuration how to write them.
        config: Any = {key: value for key, value in document_type.model_config.items() if 'json' in key}
        values['json_rows'] = pydantic.TypeAdapter(rows, config=config)
    adapter: pydantic.TypeAdapter[Any] = values['json_rows']
    return adapter


# -- writing ------------------------------------------------------------------------------------------


def _dump(serializer: Any, value: Any, classes: set[Any], tensors: TensorForm | None) -> str:
    """Serialize a document or a list of them.

    Args:
        serializer: pydantic's serializer of ``value``.
        value: What to write.
        classes: The document classes in it.
        tensors: The form of tensors, None for what the classes say.
    """
    context: dict[str, Any] = {} if tensors is None else {'tensors': tensor_form(tensors, 'to_json')}
    own_forms = {cls.__docarray_tensors__ for cls in classes}
    in_base64 = tensors == 'base64' or (tensors is None and own_forms == {'base64'})
    fallback = _fallback(to_base64 if in_base64 else to_json)

    def dump(**more: Any) -> str:
        try:
            made: bytes = serializer.to_json(value, context=context | more, fallback=fallback, **_BY_NAME)
        except PydanticSerializationError as error:
            where = ' or '.join(sorted(cls.__name__ for cls in classes))
            raise _without_values(value) or InvalidValueError(
                where=where, got=show(str(error), 300), wanted='what JSON can hold'
            ) from error
        return made.decode()

    if not in_base64 and all(map(_writes_plainly, classes)):
        word = secrets.token_hex(16)
        found: list[Any] = []
        pieces = dump(tensor_sink=found.append, tensor_word=word).split(f'"{word}"')
        if len(pieces) == len(found) + 1:  # else pydantic tried several members of a union on one tensor
            # As text from here on: joined as bytes and then decoded, the whole would be in memory thrice.
            try:
                numbers = [tensor_text(tensor) for tensor in found]
            except TensorError as error:
                raise _without_values(value) or error from error.__cause__
            return ''.join(chain.from_iterable(zip(pieces, [*numbers, ''], strict=True)))
    return dump()


def tensor_text(tensor: Any) -> str:
    """Return a tensor as JSON. Floats are the shortest that read back as the same in their own dtype."""
    array = tensor.view(_ndarray) if isinstance(tensor, _ndarray) else to_numpy(tensor)
    if array is None:  # a document made without validation may hold anything
        return orjson.dumps(tensor).decode()
    if array.dtype.kind in 'mMOSU':  # which files of earlier versions may hold
        raise TensorError(got=f'an array of dtype {array.dtype}', wanted='numbers, which JSON can hold')
    if array.dtype.kind == 'c':
        return _object(array, tensor)
    plain = array if array.dtype.isnative else _plain(array)  # orjson 3.10.0 would take the bytes as they are
    try:
        text = _dumps(plain, None, _NUMPY).decode()
    except TypeError:
        if array.ndim == 0:
            return _object(array, tensor)
        plain = _plain(array)
        text = _dumps(plain, None, _NUMPY).decode()
    if 'n' in text:  # null
        odd = plain[~np.isfinite(plain)].tolist()
        names = ['"NaN"' if x != x else '"Infinity"' if x > 0 else '"-Infinity"' for x in odd]
        text = ''.join(chain.from_iterable(zip(text.split('null'), [*names, ''], strict=True)))
    return text if array.size else _object(array, tensor)


def _object(array: Array, tensor: Any) -> str:
    """Return as JSON what lists of numbers cannot say."""
    return orjson.dumps(to_json(array, framework_name(tensor))).decode()


def _plain(array: Array) -> Array:
    """Return an array as orjson takes it: C order, this machine's byte order, a dtype of numpy's own."""
    if array.dtype.kind not in 'biuf' or array.dtype.isbuiltin == 2:
        array = array.astype(np.float32)  # bfloat16 and its like, which it holds exactly
    return np.ascontiguousarray(array, array.dtype.newbyteorder('='))


def _without_values(value: Any) -> DocArrayError | None:
    """Return the error about the first tensor that does not give its values, with its place."""
    try:
        return _look_for_values(value)
    except RecursionError:  # a list that holds itself: that is what is wrong
        return None


def _look_for_values(value: Any, where: str = '') -> DocArrayError | None:
    parts: dict[Any, Any]
    if isinstance(value, pydantic.BaseModel):
        where, parts = where or type(value).__name__, dict(value)
    elif isinstance(value, dict):
        parts = value
    elif isinstance(value, (list, tuple)) or hasattr(type(value), STACKED_MARK):
        parts = dict(enumerate(value))
    else:
        try:
            to_numpy(value)
        except TensorError as error:
            return error.at(where)
        return None
    found = (_look_for_values(part, f'{where}.{name}' if where else '') for name, part in parts.items())
    return next(filter(None, found), None)


def _fallback(write: Callable[[Array], Any]) -> Callable[[Any], Any]:
    """What to write for values that pydantic does not know, in fields that take anything."""

    def fallback(value: Any) -> Any:
        if isinstance(value, np.generic):
            return value.item()
        array = to_numpy(value)
        if array is not None:
            return write(array)
        raise InvalidValueError(
            got=f'{type(value).__name__} {show(value)}',
            wanted='a value that JSON can hold',
            hint='Give the field a type, or a serializer.',
        )

    return fallback


def _writes_plainly(document_type: Any) -> bool:
    """Whether no serializer of the user's can come to see, or to move, the word that stands for a tensor."""
    values = class_cache(document_type).values
    if 'json_plain' not in values:
        values['json_plain'] = not _has_serializers(document_type.__pydantic_core_schema__)
    plain: bool = values['json_plain']
    return plain


def _has_serializers(schema: Any) -> bool:
    """Whether functions of the user's write some part; any value or extra field may be a model with some."""
    if isinstance(schema, dict):
        if schema.get('type') == 'any' or schema.get('extra_fields_behavior') == 'allow':
            return True
        written = schema.get('serialization') or {}
        function = written.get('function')
        if function is not None and not str(function.__module__).startswith(('docarray.', 'pydantic.')):
            return True
        if function is not None and written['type'] == 'function-plain':
            return False  # it writes the whole of this part, which only validates by what is inside it
        schema = [part for key, part in schema.items() if key not in ('default', 'metadata')]
    return isinstance(schema, (list, tuple)) and any(map(_has_serializers, schema))


# -- reading ------------------------------------------------------------------------------------------


def load_rows(data: str | bytes, document_type: Any, title: str = '') -> list[Any]:
    """Return the documents of a JSON array.

    Args:
        data: JSON.
        document_type: The class of the documents.
        title: What is read, for the error.

    Raises:
        ValidationError: The text is not such an array; the error's path starts with the row.

    Example:
        >>> from docarray.documents import TextDoc
        >>> load_rows('[{"text": "a"}, "b"]', TextDoc)[1].text
        'b'
    """
    try:
        with collector_paused():
            rows: list[Any] = _rows_adapter(document_type).validate_json(data)
    except pydantic.ValidationError as error:
        raise ValidationError.of(error, title=title) from error.__cause__
    return rows


def _check(data: bytes, limits: Limits, where: str) -> None:
    """Check how many bytes and objects there are in JSON, any of which may become a document."""
    limits.check('size', len(data), where)
    if data.count(b'{') > limits.documents:  # of which some may stand in text
        texts = data.replace(rb'\\', b'').replace(rb'\"', b'').split(b'"')
        limits.check('documents', sum(text.count(b'{') for text in texts[::2]), where)


class JsonFormat:
    """Batches as JSON: one array of documents, or for streams a document a line (newline-delimited JSON).

    Args:
        tensors: 'list' or 'base64'; None for what the document class says. Lists do not keep a dtype that
            the class leaves open.
        limits: How much to read at most; all objects of a message, and the lines of a
            stream, count as documents. None for ``DEFAULT_LIMITS``.

    Example:
        >>> from docarray.documents import TextDoc
        >>> from docarray.schema import schema_of
        >>> schema = schema_of(TextDoc)
        >>> batch = Batch.of(schema, [TextDoc(text='a')])
        >>> JsonFormat().loads(JsonFormat().dumps(batch), schema).rows()[0].text
        'a'
    """

    name = 'json'

    def __init__(self, tensors: TensorForm | None = None, limits: Limits | None = None) -> None:
        self.tensors, self.limits = tensors, limits or DEFAULT_LIMITS

    def dumps(self, batch: Batch) -> bytes:
        return _dump_rows(batch.rows(), batch.schema.document_type, self.tensors).encode()

    def loads(self, data: bytes, schema: Schema) -> Batch:
        _check(data, self.limits, schema.document_type.__name__)
        return RowBatch(schema, load_rows(data, schema.document_type))

    def dump_stream(self, batches: Iterable[Batch]) -> Iterator[bytes]:
        for batch in batches:
            lines = [dump_document(row, self.tensors) for row in batch.rows()]
            if lines:
                yield ('\n'.join(lines) + '\n').encode()

    def load_stream(self, chunks: Iterable[bytes], schema: Schema) -> Iterator[Batch]:
        done = 0
        where = schema.document_type.__name__
        for group in groups(split_lines(chunks, self.limits, where), lambda line: len(line[0]), MOST_ROWS):
            self.limits.check('documents', done + len(group), where)
            for line, _ in group:
                _check(line, self.limits, where)
            yield _load_lines([line for line, _ in group], done, schema)
            done += len(group)


def split_lines(chunks: Iterable[bytes], limits: Limits, where: str) -> Iterator[tuple[bytes, bool]]:
    r"""Yield the lines that are not empty, and whether they end in the mark of a line.

    Args:
        chunks: The text, cut anywhere.
        limits: ``size`` for a line.
        where: What it is, for the error.

    Example:
        >>> list(split_lines([b'{}', b'\n\n', b'{'], Limits(), 'here'))
        [(b'{}', True), (b'{', False)]
    """
    pending = bytearray()
    for chunk in chunks:
        head, *rest = bytes(chunk).split(b'\n')
        pending += head
        if rest:
            for line in (bytes(pending), *rest[:-1]):
                if line.strip(SPACE):
                    yield line, True
            pending = bytearray(rest[-1])
        limits.check('size', len(pending), where)
    if pending.strip(SPACE):
        yield bytes(pending), False


def _load_lines(lines: list[bytes], done: int, schema: Schema) -> Batch:
    """Make a batch of documents, one a line; ``done`` documents came before them."""
    document_type: Any = schema.document_type
    read = document_type.__pydantic_validator__.validate_json
    documents: list[Any] = []
    with collector_paused():
        for line in lines:
            try:
                documents.append(read(line))
            except pydantic.ValidationError as error:
                raise ValidationError.of(error, inside=(done + len(documents),)) from error.__cause__
    return RowBatch(schema, documents)
