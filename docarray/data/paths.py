"""Paths of files that match patterns."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice


def get_paths(
    patterns: str | Iterable[str],
    recursive: bool = True,
    size: int | None = None,
    exclude_regex: str | None = None,
) -> Iterator[str]:
    """Yield the files that match shell patterns, each pattern's in sorted order.

    Args:
        patterns: One pattern or several, such as ``'images/**/*.png'``.
        recursive: Whether ``**`` matches any number of folders.
        size: At most so many paths.
        exclude_regex: Leave out the files whose name (without folders) matches this from its start.

    Raises:
        re.error: ``exclude_regex`` is no regular expression.

    Example:
        >>> list(get_paths('no-such-folder/*.png'))
        []
    """
    exclude = re.compile(exclude_regex) if exclude_regex else None
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    found = (
        path
        for pattern in patterns
        for path in sorted(glob.glob(os.path.expanduser(pattern), recursive=recursive))
        if os.path.isfile(path) and not (exclude and exclude.match(os.path.basename(path)))
    )
    return islice(found, size)
