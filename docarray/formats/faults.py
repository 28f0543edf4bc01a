"""The faults of a ValidationError as they travel to clients."""

from __future__ import annotations

from typing import Any

from docarray.errors import DocArrayError, show

__all__ = ['brief']

#: Text up to this long is sent back as it is.
_SHOWN = 80


def brief(fault: dict[str, Any]) -> dict[str, Any]:
    """Return one of pydantic's faults with nothing in it that is long or that JSON cannot say.

    Example:
        >>> brief({'type': 'x', 'loc': ('n',), 'msg': 'bad', 'input': ['word'] * 1000})['input'][
        ...     -7:
        ... ]
        "'wor..."
    """
    given, error = fault.get('input'), fault.get('ctx', {}).get('error')
    if given is not None and type(given) not in (bool, int):
        fault = {**fault, 'input': given if type(given) is str and len(given) <= _SHOWN else show(given)}
    if isinstance(error, DocArrayError):
        about = {'code': error.code, 'got': error.got, 'wanted': error.wanted, 'hint': error.hint}
        fault = {**fault, 'type': error.code, 'ctx': {key: text for key, text in about.items() if text}}
    elif isinstance(error, Exception):
        fault = {**fault, 'ctx': {'error': str(error)}}
    return fault
