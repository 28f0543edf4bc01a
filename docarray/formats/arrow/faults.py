"""What pyarrow and Python raise about damaged Arrow data, as docarray's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docarray.errors import DocArrayError, FormatError, show
from docarray.formats.arrow.types import pa

_FOREIGN = (ArithmeticError, LookupError, MemoryError, OSError, TypeError, ValueError, NotImplementedError)


@contextmanager
def arrow_faults(where: str) -> Iterator[None]:
    """Turn what pyarrow raises into FormatError, its cause kept."""
    try:
        yield
    except DocArrayError:
        raise
    except (*_FOREIGN, pa.ArrowException) as error:
        raise FormatError(
            where=where, got=f'damaged or unknown Arrow data: {show(str(error), 300)}', wanted='Arrow data'
        ) from error
