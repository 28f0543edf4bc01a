"""The errors that all places of arrays and streams have in common."""

from __future__ import annotations

from docarray.errors import ConflictError, MissingFileError, StoreError

__all__ = ['already_there', 'lost', 'missing']


def missing(url: str) -> MissingFileError:
    """Return the error for a URL where nothing is."""
    return MissingFileError(where=url, got='nothing there', wanted='an existing array')


def already_there(url: str) -> StoreError:
    """Return the error for a URL where something is that must not be replaced."""
    return StoreError(where=url, got='an array that is there already', wanted='a new one')


def lost(url: str) -> ConflictError:
    """Return the error for a writer who was not the first."""
    return ConflictError(
        where=url,
        got='another write of the same name, which ended first and stays',
        wanted='one at a time',
        hint='Look at what is there now, and write again if yours is to replace it.',
    )
