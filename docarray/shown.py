"""Shown: how documents and arrays show themselves, as methods. ``docarray.display`` does the work."""

from __future__ import annotations

from typing import Any

from docarray import _registry

__all__ = ['Shown']


class Shown:
    """The methods of documents and arrays that show them to people."""

    __slots__ = ()

    def summary(self) -> None:
        """Show its class, fields and size on the terminal."""
        _registry.method('show')(self)

    def __rich__(self) -> Any:
        return _registry.method('rich')(self)

    def _repr_html_(self) -> str:
        html: str = _registry.method('html')(self)
        return html
