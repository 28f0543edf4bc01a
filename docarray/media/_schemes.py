"""Schemes of URLs, and what messages about URLs show."""

from __future__ import annotations

import re
from collections.abc import Collection

from docarray.errors import FetchError, LimitError

SCHEMES = ('http', 'https', 'data', 'file')

# A scheme of one letter is a Windows drive.
_SCHEME = re.compile(r'(?:([A-Za-z][A-Za-z0-9+.-]+)://|(data|file):)', re.IGNORECASE)


def scheme_of(url: str) -> str:
    """Return the scheme in lower case, or '' for a path.

    Example:
        >>> scheme_of('HTTPS://example.org/a.png'), scheme_of('C:/a.png'), scheme_of('data:,hi')
        ('https', '', 'data')
    """
    found = _SCHEME.match(url)
    return (found[1] or found[2]).lower() if found else ''


def check_scheme(scheme: str, schemes: Collection[str], where: str) -> None:
    """Refuse a scheme that the caller does not allow."""
    if scheme not in schemes or scheme not in SCHEMES:
        known = [name for name in SCHEMES if name in schemes]
        raise FetchError(where=where, got=f'the scheme {scheme!r}', wanted=f'one of {", ".join(known)}')


def shown(url: str) -> str:
    """Return the URL without user, password and query, which may be secrets, for messages."""
    text = re.sub(r'^(\w[\w+.-]*://)[^/?#]*@', r'\1', str(url))
    if '://' in text:
        text = re.split(r'[?#]', text, maxsplit=1)[0]
    return text if len(text) <= 80 else text[:77] + '...'


def too_long(where: str, size: str, max_bytes: int) -> LimitError:
    """Return the error for more bytes than allowed."""
    return LimitError(
        where=where,
        got=size,
        wanted=f'at most {max_bytes}',
        hint='Pass a larger max_bytes if you trust the source.',
    )
