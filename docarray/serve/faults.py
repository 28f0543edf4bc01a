"""What went wrong in a call: what is told to the client, and what only to the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from docarray.errors import (
    DocArrayError,
    DtypeError,
    FormatError,
    InvalidValueError,
    KindError,
    LengthError,
    LimitError,
    MediaError,
    QueryError,
    ShapeError,
    StackError,
    TensorError,
    ValidationError,
)
from docarray.formats.faults import brief

__all__ = ['LOGGER', 'Fault', 'cut', 'fault_of']

LOGGER = logging.getLogger('docarray.serve')

#: What clients are told of, with the status in gRPC and HTTP. Anything else is the server's own affair.
_TOLD: tuple[tuple[type[DocArrayError], str, int], ...] = (
    (LimitError, 'RESOURCE_EXHAUSTED', 413),
    (InvalidValueError, 'INVALID_ARGUMENT', 422),
    (MediaError, 'INVALID_ARGUMENT', 422),
    (FormatError, 'INVALID_ARGUMENT', 422),
)

#: Errors that only reading may tell of: a function that raises them has a fault of its own.
_READING = (
    DtypeError,
    FormatError,
    KindError,
    LengthError,
    QueryError,
    ShapeError,
    StackError,
    TensorError,
    ValidationError,
)

#: How many characters of a text and how many faults are sent.
_SHOWN, _FAULTS = 1000, 100


@dataclass(frozen=True)
class Fault:
    """An error as a client gets to see it.

    Attributes:
        status: The status in gRPC.
        http: The status in HTTP.
        text: All of it as one text, cut to 1000 characters.
        about: 'code', 'where', 'got', 'wanted', 'hint' of the error, those that it has.
        details: One entry for each field that is wrong, as FastAPI has them.
    """

    status: str
    http: int
    text: str
    about: dict[str, str] = field(default_factory=dict)
    details: list[dict[str, Any]] = field(default_factory=list)


def fault_of(error: BaseException, name: str, reading: bool) -> Fault:
    """Return what a client is told of an error; what it is not told of goes to the log.

    Args:
        error: What was raised.
        name: The name of the endpoint.
        reading: Whether it was raised by reading what the client sent. A ShapeError from elsewhere is about
            an array that the function made, and no business of the client's.

    Example:
        >>> fault_of(InvalidValueError(got='-1', wanted='a count'), 'take', False).text
        'got -1, wanted a count'
        >>> logging.disable()
        >>> fault_of(KeyError('secret'), 'take', False).text
        'take failed'
        >>> logging.disable(logging.NOTSET)
    """
    for cls, status, http in _TOLD:
        if isinstance(error, cls) and (reading or not isinstance(error, _READING)):
            return Fault(status, http, cut(str(error)), _about(error), _details(error))
    LOGGER.error('%s failed', name, exc_info=error)
    return Fault('INTERNAL', 500, f'{name} failed', {'code': 'internal'})


def cut(text: str, limit: int = _SHOWN) -> str:
    """Return a text, or its start.

    Example:
        >>> cut('a long text', 7)
        'a lo...'
    """
    return text if len(text) <= limit else text[: limit - 3] + '...'


def _about(error: DocArrayError) -> dict[str, str]:
    causes = error.causes if isinstance(error, ValidationError) else ()
    told: DocArrayError = causes[0] if causes else error
    parts = {'code': told.code, **{key: getattr(told, key) for key in ('where', 'got', 'wanted', 'hint')}}
    return {key: cut(part) for key, part in parts.items() if part}


def _details(error: DocArrayError) -> list[dict[str, Any]]:
    if isinstance(error, ValidationError):
        faults: list[dict[str, Any]] = [dict(one) for one in error.errors(include_url=False)[:_FAULTS]]
        return [brief({**one, 'loc': ('body', *one['loc'])}) for one in faults]
    fault = {'type': error.code, 'loc': ('body',), 'msg': cut(str(error)), 'ctx': {'error': error}}
    return [brief(fault)]
