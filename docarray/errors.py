"""The error tree: every error says where it happened, what was got, what was wanted and what to do.

::

    DocArrayError
    ├── SchemaError (TypeError)              a class or annotation cannot be used
    ├── PathError (AttributeError, ValueError)   a path names nothing in the schema
    ├── MissingExtraError (ImportError)      an optional package is not installed
    ├── InvalidValueError (ValueError)       a value does not fit its declared type
    │   ├── ValidationError (pydantic.ValidationError)   one document, all its faults
    │   ├── ShapeError                       a tensor of the wrong shape
    │   ├── DtypeError                       a tensor of the wrong dtype
    │   ├── TensorError                      something that cannot become a tensor
    │   ├── KindError                        a value that its column cannot hold
    │   ├── StackError                       rows that do not make columns
    │   ├── LengthError                      a column or mask of the wrong length
    │   └── QueryError                       a search that cannot be answered
    ├── MediaError (ValueError)              bytes that are not the media they claim to be
    │   ├── DecodeError                      corrupt or unknown encoding
    │   └── LimitError                       larger than the caller allowed: media, files, messages
    ├── FormatError (ValueError)             bytes that are not what their format says
    │   ├── ChecksumError                    changed since they were written
    │   └── TruncatedError (EOFError)        they end too early
    ├── FetchError (OSError)                 a URL that cannot be read
    │   ├── FetchTimeoutError (TimeoutError)
    │   └── MissingFileError (FileNotFoundError)
    ├── StoreError (OSError)                 a store did not do as it was asked
    │   └── ConflictError                    another writer was first
    ├── RemoteError (RuntimeError)           a service refused or failed
    │   └── RemoteTimeoutError (TimeoutError)
    ├── PreprocessError (RuntimeError)       a user's function failed inside a dataset
    └── UnsupportedError (NotImplementedError)   a thing this object cannot do

``code`` is stable across versions. In the ``errors()`` of a ValidationError it is the ``type`` of a fault
that is one of these errors, and the error itself stands under ``ctx['error']``. Where pydantic validates on
its own (a TypeAdapter, a body in FastAPI), it stands there too, and the type is pydantic's ``value_error``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, get_args

import pydantic_core
from pydantic_core import core_schema

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    'ChecksumError',
    'ConflictError',
    'DecodeError',
    'DocArrayError',
    'DtypeError',
    'FetchError',
    'FetchTimeoutError',
    'FormatError',
    'InvalidValueError',
    'KindError',
    'LengthError',
    'LimitError',
    'MediaError',
    'MissingExtraError',
    'MissingFileError',
    'PathError',
    'PreprocessError',
    'QueryError',
    'RemoteError',
    'RemoteTimeoutError',
    'SchemaError',
    'ShapeError',
    'StackError',
    'StoreError',
    'TensorError',
    'TruncatedError',
    'UnsupportedError',
    'ValidationError',
    'show',
]

_SHOWN = 80


def show(value: object, limit: int = _SHOWN) -> str:
    """Return ``repr(value)`` cut to ``limit`` characters, never failing.

    Example:
        >>> show('x' * 200, limit=12)
        "'xxxxxxxx..."
    """
    try:
        text = repr(value)
    except Exception as error:  # a broken __repr__ must not hide the error being reported
        text = f'<{type(value).__name__} whose repr failed: {type(error).__name__}>'
    text = text.replace('\n', ' ')
    return text if len(text) <= limit else text[: limit - 3] + '...'


class DocArrayError(Exception):
    """Base of all errors that docarray raises on purpose.

    Args:
        message: The whole text; used alone when it is given.
        where: The place, such as ``'Page.image.tensor'``.
        got: What was found there.
        wanted: What was expected instead.
        hint: What to do about it, as a sentence.

    Example:
        >>> str(DocArrayError(where='Page.n', got='-1', wanted='an int >= 0', hint='Count from 0.'))
        'Page.n: got -1, wanted an int >= 0. Count from 0.'
    """

    code = 'docarray_error'

    def __init__(
        self, message: str = '', *, where: str = '', got: str = '', wanted: str = '', hint: str = ''
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.got = got
        self.wanted = wanted
        self.hint = hint

    def __str__(self) -> str:
        if self.message:
            return self.message
        fact = ', '.join(
            part for part in (self.got and f'got {self.got}', self.wanted and f'wanted {self.wanted}') if part
        )
        text = ': '.join(part for part in (self.where, fact) if part)
        return '. '.join(part for part in (text, self.hint) if part)

    def __repr__(self) -> str:
        return f'{type(self).__name__}({str(self)!r})'

    def at(self, where: str) -> DocArrayError:
        """Return this error with ``where`` filled in, if it was not known yet."""
        if not self.where:
            self.where = where
        return self

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self.__dict__)


def _rebuild(cls: type[DocArrayError], state: dict[str, Any]) -> DocArrayError:
    error = cls.__new__(cls)
    error.__dict__.update(state)
    return error


class SchemaError(DocArrayError, TypeError):
    """A class or annotation cannot be used where it stands."""

    code = 'schema'


class PathError(DocArrayError, AttributeError, ValueError):
    """A path names nothing in the schema. An AttributeError too, as earlier versions raised."""

    code = 'path'


class MissingExtraError(DocArrayError, ImportError):
    """An optional package is not installed; ``extra`` names what to install."""

    code = 'missing_extra'
    extra: str = ''


class InvalidValueError(DocArrayError, ValueError):
    """A value does not fit its declared type."""

    code = 'invalid_value'


class ShapeError(InvalidValueError):
    """A tensor has the wrong shape."""

    code = 'tensor_shape'


class DtypeError(InvalidValueError):
    """A tensor has the wrong dtype."""

    code = 'tensor_dtype'


class TensorError(InvalidValueError):
    """A value cannot become a tensor."""

    code = 'tensor_value'


class KindError(InvalidValueError):
    """A value cannot be held by the column it belongs to."""

    code = 'kind'


class StackError(InvalidValueError):
    """Rows cannot be put into columns."""

    code = 'stack'


class LengthError(InvalidValueError):
    """A column, mask or list of values has the wrong length."""

    code = 'length'


class QueryError(InvalidValueError):
    """A search cannot be answered as it was asked."""

    code = 'query'


class MediaError(DocArrayError, ValueError):
    """Bytes are not the media they claim to be."""

    code = 'media'


class DecodeError(MediaError):
    """Bytes are corrupt or in an unknown encoding."""

    code = 'decode'


class LimitError(MediaError):
    """Something is larger than the caller allowed."""

    code = 'limit'


class FormatError(DocArrayError, ValueError):
    """Bytes are not what their format says. ``where`` names the format and the byte or the document."""

    code = 'format'


class ChecksumError(FormatError):
    """Bytes have changed since they were written."""

    code = 'checksum'


class TruncatedError(FormatError, EOFError):
    """Bytes end too early. ``whole`` documents come before the end, and ``salvage=True`` returns them."""

    code = 'truncated'
    whole: int = 0


class FetchError(DocArrayError, OSError):
    """A URL cannot be read."""

    code = 'fetch'


class FetchTimeoutError(FetchError, TimeoutError):
    """A URL did not answer in time."""

    code = 'fetch_timeout'


class MissingFileError(FetchError, FileNotFoundError):
    """A local file does not exist."""

    code = 'missing_file'


class StoreError(DocArrayError, OSError):
    """A store did not do as it was asked; what it had is still there."""

    code = 'store'


class ConflictError(StoreError):
    """Another writer was first, and what it wrote stays."""

    code = 'conflict'


class RemoteError(DocArrayError, RuntimeError):
    """A service refused a request or failed at it; ``status`` is its status, such as 'INVALID_ARGUMENT'."""

    code = 'remote'
    status: str = ''


class RemoteTimeoutError(RemoteError, TimeoutError):
    """A service did not answer before the deadline."""

    code = 'remote_timeout'

    def __new__(cls, *args: Any, **parts: Any) -> Self:
        return TimeoutError.__new__(cls, *args)  # RuntimeError's, which comes first, cannot make an OSError


class PreprocessError(DocArrayError, RuntimeError):
    """A function that the user gave failed: in preprocessing, or while mapping over documents."""

    code = 'preprocess'


class UnsupportedError(DocArrayError, NotImplementedError):
    """This object cannot do what was asked."""

    code = 'unsupported'


class ValidationError(InvalidValueError, pydantic_core.ValidationError):
    """A document was refused. Caught by ``except pydantic.ValidationError`` too.

    ``errors()`` lists every fault, as pydantic does; ``causes`` are the docarray errors among them.
    """

    code = 'validation'

    def __init__(self, *faults: Any) -> None:
        Exception.__init__(self)  # the faults themselves went to pydantic's __new__
        self.message = self.got = self.wanted = self.hint = ''
        self.where = self.title

    @property
    def causes(self) -> list[DocArrayError]:
        """The docarray errors behind this one, in field order."""
        found = (fault.get('ctx', {}).get('error') for fault in self.errors(include_url=False))
        return [error for error in found if isinstance(error, DocArrayError)]

    @classmethod
    def of(
        cls,
        error: pydantic_core.ValidationError,
        row: int | None = None,
        title: str = '',
        inside: tuple[int | str, ...] = (),
    ) -> ValidationError:
        """Return pydantic's ``error`` as one of ours, with the same faults and text.

        Args:
            error: What pydantic raised.
            row: The row of the document in its array, where that is known.
            title: What was validated, where pydantic has no good name for it.
            inside: What the paths of the faults are to start with.
        """
        if isinstance(error, cls) and row is None and not inside:
            return error
        title = title or error.title
        behind = '' if row is None else f' (row {row})'
        faults: list[Any] = [
            {**fault, 'loc': (*inside, *fault['loc'])} for fault in error.errors(include_url=False)
        ]
        for fault in faults:
            cause = fault.get('ctx', {}).get('error')
            if isinstance(cause, DocArrayError):
                cause.at('.'.join([title, *map(str, fault['loc'])]) + behind)
        return cls.from_exception_data(title + behind, list(map(_fault, faults)))

    def __str__(self) -> str:
        return pydantic_core.ValidationError.__str__(self)

    __repr__ = __str__

    def __reduce__(self) -> Any:
        return _revalidation, (self.title, [dict(fault) for fault in self.errors(include_url=False)])


def _fault(fault: Any) -> Any:
    """One fault as ``from_exception_data`` takes it: an object for a type unknown to pydantic."""
    found = {key: fault[key] for key in ('type', 'loc', 'input', 'ctx') if key in fault}
    cause = fault.get('ctx', {}).get('error')
    if isinstance(cause, DocArrayError):
        code: Any = cause.code  # pydantic's annotations want a literal
        found['type'] = pydantic_core.PydanticCustomError(code, '{error}', found.pop('ctx'))
    elif fault['type'] not in _pydantic_types():
        found['type'] = pydantic_core.PydanticCustomError(fault['type'], fault['msg'], found.pop('ctx', None))
    return found


@cache
def _pydantic_types() -> frozenset[str]:
    return frozenset(get_args(core_schema.ErrorType))


def _revalidation(title: str, faults: list[Any]) -> ValidationError:
    return ValidationError.from_exception_data(title, list(map(_fault, faults)))
