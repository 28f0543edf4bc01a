"""What comes one by one, taken together: as much as pays, and at first without waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from docarray.errors import DocArrayError

__all__ = ['MOST_BYTES', 'MOST_ROWS', 'groups']

Item = TypeVar('Item')

#: How many documents, and bytes of them, are read at once in a stream.
MOST_ROWS, MOST_BYTES = 1024, 1 << 20


def groups(items: Iterable[Item], size: Callable[[Item], int], first: int = 1) -> Iterator[list[Item]]:
    """Yield items together: one at first, then more and more, so that the first ones need not wait.

    Args:
        items: What comes one by one; a DocArrayError of it is raised again behind the last group.
        size: How many bytes an item has.
        first: How many items to yield at first.

    Example:
        >>> list(groups(b'abcd', lambda item: 1))
        [[97], [98, 99], [100]]
    """
    group: list[Item] = []
    most, total = first, 0
    fault: DocArrayError | None = None
    try:
        for item in items:
            group.append(item)
            total += size(item)
            if len(group) == most or total >= MOST_BYTES:
                yield group
                group, total, most = [], 0, min(2 * most, MOST_ROWS)
    except DocArrayError as error:
        fault = error
    if group:
        yield group
    if fault is not None:
        raise fault
