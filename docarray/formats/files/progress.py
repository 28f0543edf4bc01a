"""Progress bars on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from docarray import _lazy

__all__ = ['progress']


@contextmanager
def progress(show: bool, what: str, total: int | None = None) -> Iterator[Callable[[int], Any]]:
    """Show a progress bar on the terminal, moved by the function that is yielded."""
    if not show:
        yield lambda count: None
        return
    with _lazy.load('rich.progress').Progress(transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
