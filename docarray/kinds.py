"""Kinds and codecs: the closed set of things a column can hold, and how logical types sit on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

KindName = Literal['bool', 'int', 'float', 'str', 'bytes', 'tensor', 'docs', 'list', 'map', 'present', 'json']

Axis = int | str | None
"""One axis of a shape: a size, a name (equal names are equal sizes) or None for any size."""


@dataclass(frozen=True)
class Kind:
    """What a column holds, as far as formats, stores and indexes need to know.

    Attributes:
        name: One of the closed set.
        shape: For ``tensor``: axes (int, name, None or Ellipsis), or None where any shape will do.
        dtype: For ``tensor``: a dtype name such as ``'float32'``, or None where any will do.
        schema: For ``docs``: the Schema of the documents, or a function that gives it.
        item: For ``list`` and ``map``: the codec of the elements. Map keys are strings.
        blob: For ``bytes``: stores keep them apart, so that what is beside them is read without them.

    ``int`` is 64 bit. ``present`` marks an optional nested document; the tag of a union of
    documents is a ``str``. ``json`` is the fallback for Any and odd unions.

    Example:
        >>> Kind('tensor', shape=(3, 4), dtype='float32').name
        'tensor'
    """

    name: KindName
    shape: tuple[Any, ...] | None = None
    dtype: str | None = None
    schema: Callable[[], Any] | None = None
    item: Codec | None = None
    blob: bool = False


def identity(value: Any) -> Any:
    """Return the value itself: the pack and unpack of types that are their own kind."""
    return value


@dataclass(frozen=True)
class Codec:
    """How a logical type sits on a kind.

    Attributes:
        kind: What is stored.
        pack: From the document's value to the stored one; never sees None.
        unpack: Back again; ``unpack(pack(v)) == v``.
        framework: For tensors: the framework of the declared class, or '' for any.
        type: For tensors: the class that a column comes back as.

    A field type of your own supplies its codec by a class method ``__docarray_codec__``.

    Example:
        >>> from fractions import Fraction
        >>> codec = Codec(Kind('str'), pack=str, unpack=Fraction)
        >>> codec.unpack(codec.pack(Fraction(1, 3)))
        Fraction(1, 3)
    """

    kind: Kind
    pack: Callable[[Any], Any] = identity
    unpack: Callable[[Any], Any] = identity
    framework: str = ''
    type: type | None = None

    @property
    def plain(self) -> bool:
        """Whether values are stored just as the document holds them."""
        return self.pack is identity and self.unpack is identity

    @property
    def total(self) -> bool:
        """Whether ``unpack`` takes all that the kind can hold; that of an Enum does not."""
        unpack: Any = self.unpack
        text = isinstance(unpack, type) and issubclass(unpack, str) and not issubclass(unpack, Enum)
        return text or unpack is identity
