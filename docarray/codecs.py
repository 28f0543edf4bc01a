"""Codecs of the standard library's own types: how each sits on a kind."""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import pathlib
import sys
import typing
import uuid
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pydantic

from docarray.frameworks import framework_of, get_framework
from docarray.kinds import Codec, Kind


def literal_codec(annotation: Any) -> Codec:
    """A Literal on text, bool or int where all its values are of one type, else on JSON."""
    values = typing.get_args(annotation)
    for kind, cls in (('str', str), ('bool', bool), ('int', int)):
        if all(type(value) is cls for value in values):
            return Codec(Kind(kind))  # type: ignore[arg-type]  # the three names are kinds
    return json_codec(annotation)


@cache
def _adapter(annotation: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(annotation)


def json_codec(annotation: Any) -> Codec:
    """The fallback: what pydantic itself would write as JSON for this annotation, and read back."""
    try:
        hash(annotation)
        adapter = partial(_adapter, annotation)
    except TypeError:
        adapter = partial(pydantic.TypeAdapter, annotation)
    return Codec(
        Kind('json'),
        # Tensors in documents that are nothing but JSON here keep every bit.
        lambda value: adapter().dump_python(value, mode='json', context={'tensors': 'base64'}),
        # Of a document whose class the wire did not tell, the attributes.
        lambda value: adapter().validate_python(value, from_attributes=True),
    )


def any_framework(codec: Codec) -> Codec:
    """Let a tensor codec read columns of other frameworks too.

    What comes back is then the tensor class of the column's framework and the same modality: the
    columns of a training batch are torch tensors, also those of fields that are declared otherwise.
    """
    if codec.kind.name != 'tensor' or not codec.framework:
        return codec
    own, unpack = get_framework(codec.framework), codec.unpack
    kind = getattr(codec.type, 'tensor_type', None)

    def read(tensor: Any) -> Any:
        found = None if own.matches(tensor) else framework_of(tensor)
        if found is None:
            return unpack(tensor)
        if kind is None:
            return unpack(own.from_numpy(found.to_numpy(tensor)))
        from docarray.typing.tensors import tensor_class

        return tensor_class(found.name, kind.modality)._docarray_from_native(tensor)

    return replace(codec, unpack=read)


def _iso(cls: Any) -> Codec:
    read = cls.fromisoformat
    if sys.version_info < (3, 11):  # there it does not know the Z that other writers put for UTC

        def read(text: str) -> Any:
            return cls.fromisoformat(text[:-1] + '+00:00' if text.endswith('Z') else text)

    return Codec(Kind('str'), lambda value: value.isoformat(), read)


STANDARD: dict[type, Codec] = {
    bool: Codec(Kind('bool')),
    int: Codec(Kind('int')),
    float: Codec(Kind('float')),
    str: Codec(Kind('str')),
    bytes: Codec(Kind('bytes')),
    datetime.datetime: _iso(datetime.datetime),
    datetime.date: _iso(datetime.date),
    datetime.time: _iso(datetime.time),
    datetime.timedelta: replace(json_codec(datetime.timedelta), kind=Kind('str')),
    **{
        cls: Codec(Kind('str'), str, cls)
        for cls in (
            decimal.Decimal,
            uuid.UUID,
            pathlib.Path,
            pathlib.PurePath,
            ipaddress.IPv4Address,
            ipaddress.IPv6Address,
            ipaddress.IPv4Network,
            ipaddress.IPv6Network,
        )
    },
}
