"""Replacing a file whole or not at all: by one that is complete and on disk, which takes its name."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

if sys.platform != 'win32':
    import fcntl

__all__ = ['PART', 'replacing', 'sync_folder', 'try_lock']

#: What the names of files end in that are not complete.
PART = '.part'


@contextmanager
def replacing(path: str, guard: Callable[[], AbstractContextManager[object]] = nullcontext) -> Iterator[Any]:
    """Open a new file that takes the place of ``path`` when the block ends.

    Args:
        path: Of the file, in a folder that exists.
        guard: Makes what is entered for the moment in which the new file gets its name.
    """
    folder = os.path.dirname(path)
    descriptor, name, placed = _unnamed(folder), '', False
    if descriptor is None:
        name = _fresh_name(path)
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try_lock(descriptor)  # so that whoever finds it can tell that it is being written
    try:
        with os.fdopen(descriptor, 'w+b') as opened:
            yield opened
            opened.flush()
            _copy_mode(path, descriptor)
            os.fsync(descriptor)
            if not name:
                with guard():
                    name = _named(descriptor, path)
                    os.replace(name, path)
                    name = ''
                placed = True
        if not placed:  # and closed, for Windows replaces no file by one that is open
            with guard():
                os.replace(name, path)
                name = ''
    finally:
        if name:
            with suppress(OSError):
                os.unlink(name)
    sync_folder(folder)


def try_lock(descriptor: int) -> bool:
    """Lock a file or folder; return False if somebody else has it. Not all file systems have locks."""
    if sys.platform != 'win32':
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


_BINARY: int = getattr(os, 'O_BINARY', 0)


def _fresh_name(path: str) -> str:
    folder, name = os.path.split(path)
    # Of a name that may be 255 bytes long, of which a character may take four.
    return os.path.join(folder, f'.{name[:50]}.{secrets.token_hex(8)}{PART}')


def _unnamed(folder: str) -> int | None:
    """Create a file without a name, which is gone if this process is killed; None where there are none."""
    flag: int = getattr(os, 'O_TMPFILE', 0)
    if not flag or not os.path.isdir('/proc/self/fd'):
        return None
    try:
        return os.open(folder, flag | os.O_RDWR, 0o666)
    except FileNotFoundError:
        raise
    except OSError:  # not every file system can
        return None


def _named(descriptor: int, path: str) -> str:
    """Give an unnamed file a name beside ``path``."""
    name = _fresh_name(path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.link(
            f'/proc/self/fd/{descriptor}', os.path.basename(name), dst_dir_fd=folder, follow_symlinks=True
        )
    finally:
        os.close(folder)
    return name


def _copy_mode(path: str, descriptor: int) -> None:
    """Give a new file the permissions of the old one, if there is one."""
    if hasattr(os, 'fchmod'):
        with suppress(FileNotFoundError):
            os.fchmod(descriptor, stat.S_IMODE(os.stat(path).st_mode))


def sync_folder(folder: str) -> None:
    """Make sure that the new name is on disk."""
    if os.name == 'nt':  # where folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # not every file system can
        pass
    finally:
        os.close(descriptor)
