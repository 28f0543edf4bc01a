"""Queues between the threads of one call, which end when the call does."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ['Credit', 'Pipe']

T = TypeVar('T')


class Pipe(Generic[T]):
    """A queue that its writer ends and its reader closes.

    Args:
        size: How many items it holds before ``put`` waits; None for any number.

    Example:
        >>> pipe = Pipe[int]()
        >>> pipe.put(1)
        True
        >>> pipe.end()
        >>> list(pipe)
        [1]
    """

    def __init__(self, size: int | None = None) -> None:
        self._size = math.inf if size is None else size
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended = self._closed = False

    def put(self, item: T) -> bool:
        """Add an item when there is room for it; False where nobody is going to take it."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._size)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def end(self) -> None:
        """Say that no item follows; those there are can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Throw away what is there, and wake whoever waits at either side."""
        with self._changed:
            self._closed = self._ended = True
            self._items.clear()
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether somebody has closed it, so that what was taken may not be all."""
        return self._closed

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended)
            if not self._items:
                raise StopIteration
            item = self._items.popleft()
            self._changed.notify_all()
            return item


class Credit:
    """How many more messages may be sent before the receiver has to acknowledge one.

    Args:
        count: How many at first; None for any number.

    Example:
        >>> credit = Credit(1)
        >>> credit.take(), credit.give(), credit.take()
        (True, None, True)
    """

    def __init__(self, count: int | None) -> None:
        self._count = math.inf if count is None else count
        self._closed = False
        self._changed = threading.Condition()

    def take(self) -> bool:
        """Wait for the right to send one message; False where the call has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._count > 0)
            self._count -= 1
            return not self._closed

    def give(self) -> None:
        """Note that a message was acknowledged."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Wake whoever waits: the call has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
