"""Short texts of what may be long or hostile: cut, escaped, counted."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ['MAX_CHARS', 'cut', 'dtype_size', 'join_shapes', 'plural', 'printable', 'size_text', 'text_of']

#: Characters of a string that are shown.
MAX_CHARS = 50


def text_of(value: object) -> str:
    r"""Return ``str(value)``, cut and with everything that a terminal would obey made visible.

    Args:
        value: Anything short.

    Example:
        >>> text_of('a\x1b[31m')
        'a\\x1b[31m'
    """
    return cut(printable(cut(str(value))))


def printable(text: str) -> str:
    r"""Return text with control characters escaped, so that it can change neither terminal nor layout.

    Args:
        text: Any text.

    Example:
        >>> printable('one\ntwo')
        'one\\ntwo'
    """
    if text.isprintable():
        return text
    return ''.join(c if c.isprintable() else c.encode('unicode_escape').decode('ascii') for c in text)


def cut(text: str, limit: int = MAX_CHARS) -> str:
    """Return text cut to ``limit`` characters, dots included.

    Args:
        text: Any text.
        limit: The most characters.

    Example:
        >>> cut('abcdefgh', 6)
        'abc...'
    """
    return text if len(text) <= limit else text[: limit - 3] + '...'


def plural(count: int, noun: str) -> str:
    """Return a count and its noun.

    Args:
        count: How many.
        noun: Of what; its plural ends in s.

    Example:
        >>> plural(1, 'document'), plural(2, 'document')
        ('1 document', '2 documents')
    """
    return f'{count} {noun}' if count == 1 else f'{count} {noun}s'


def size_text(size: int) -> str:
    """Return a number of bytes for people: decimal units, three digits.

    Args:
        size: Bytes.

    Example:
        >>> size_text(12), size_text(15_360), size_text(602_112_000)
        ('12 bytes', '15.4 kB', '602 MB')
    """
    if size < 1000:
        return plural(size, 'byte')
    scaled, unit = size / 1000, 'kB'
    for unit in ('kB', 'MB', 'GB', 'TB'):
        if scaled < 999.5 or unit == 'TB':
            break
        scaled /= 1000
    return f'{scaled:.3g} {unit}'


def dtype_size(dtype: str) -> float:
    """Return the bytes that one element of a dtype takes, dtypes that numpy lacks included.

    Args:
        dtype: A name, such as 'bfloat16'.

    Example:
        >>> dtype_size('bfloat16'), dtype_size('bool'), dtype_size('float8_e4m3fn')
        (2.0, 1.0, 1.0)
    """
    bits = re.search(r'\d+', dtype)
    return int(bits[0]) / 8 if bits else 1.0


def join_shapes(shapes: Iterable[tuple[int, ...]]) -> str:
    """Return several shapes as one, with '?' for an axis whose sizes differ.

    Args:
        shapes: Shapes of tensors.

    Example:
        >>> join_shapes([(3, 4, 5), (3, 6, 5)]), join_shapes([(3,), (3, 4)])
        ('(3, ?, 5)', 'shapes of 1 to 2 axes')
    """
    unique = sorted(set(shapes))
    lengths = sorted({len(shape) for shape in unique})
    if len(lengths) > 1:
        return f'shapes of {lengths[0]} to {lengths[-1]} axes'
    axes = [str(sizes[0]) if len(set(sizes)) == 1 else '?' for sizes in zip(*unique, strict=True)]
    return f'({", ".join(axes)}{"," if len(axes) == 1 else ""})'
