"""Handing things on to a library that takes them from an iterator in its own event loop.

obstore and Lance do. In there, what makes the things could not use the library itself, as it does where
documents come from another array of the same store; and what it raises would come out as an error of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Full, Queue
from typing import Any, TypeVar

__all__ = ['hand_on']

T = TypeVar('T')


class _AbandonedError(Exception):
    """Tells who takes things that there is nothing to come, and nothing to keep."""


def hand_on(things: Iterable[Any], work: Callable[[Iterator[Any]], T]) -> T:
    """Return what ``work`` makes of things, which are made in this thread and taken in another.

    What making them raises comes out as it is; ``work`` then sees an error, too.

    Example:
        >>> hand_on(range(4), sum)
        6
    """
    waiting: Queue[Any] = Queue(2)

    def taken() -> Iterator[Any]:
        while (thing := waiting.get()) is not None:
            if isinstance(thing, _AbandonedError):
                raise thing
            yield thing

    with ThreadPoolExecutor(1, 'docarray-write') as pool:
        done = pool.submit(work, taken())

        def put(thing: Any) -> bool:
            while not done.done():
                try:
                    waiting.put(thing, timeout=0.1)
                    return True
                except Full:
                    pass
            return False

        try:
            for thing in things:
                if not put(thing):
                    break  # what went wrong is raised below
            put(None)
        except BaseException:
            put(_AbandonedError())
            raise
        return done.result()
