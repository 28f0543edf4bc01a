"""Text: bytes to str."""

from __future__ import annotations

from docarray.errors import DecodeError, show

__all__ = ['decode']


def decode(data: bytes | bytearray | memoryview, charset: str = 'utf-8') -> str:
    r"""Decode text, refusing what is not in the charset.

    Args:
        data: The encoded text.
        charset: A Python codec name. Use ``'utf-8-sig'`` to drop a byte order mark.

    Returns:
        The text.

    Raises:
        DecodeError: A byte does not belong to the charset, or there is no such charset.

    Example:
        >>> decode(b'gr\xfc\xdfe', charset='latin-1')
        'grüße'
    """
    try:
        return str(data, charset)
    except UnicodeDecodeError as error:
        raise DecodeError(
            where='text',
            got=f'{show(error.object[error.start : error.end])} at position {error.start} ({error.reason})',
            wanted=f'text in {charset}',
            hint='Pass the charset it is written in.',
        ) from error
    except (LookupError, UnicodeError) as error:
        raise DecodeError(
            where='text', got=f'charset {charset!r}: {error}', wanted='a known charset'
        ) from error
