"""Forks, which libraries with threads of their own do not survive: obstore and Lance wait for ever."""

from __future__ import annotations

import os
from functools import cache

from docarray.errors import UnsupportedError

__all__ = ['refuse_forks']


@cache
def _first_process(library: str) -> int:
    return os.getpid()


def refuse_forks(library: str, url: str) -> None:
    """Remember the process that uses a library first, and refuse to use it in a child forked from that.

    Raises:
        UnsupportedError: This process is one.
    """
    if _first_process(library) != os.getpid():
        raise UnsupportedError(
            where=url,
            got='a process that was forked from one that had read or written there',
            wanted='a process that was started afresh',
            hint="Start workers by 'spawn' or 'forkserver': multiprocessing_context='spawn' of a DataLoader.",
        )
