"""Documents out of typed messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pydantic

from docarray.errors import DocArrayError, ValidationError
from docarray.formats.building import builder_of
from docarray.formats.limits import Limits
from docarray.formats.protobuf.typed_plan import Place, Plan
from docarray.formats.protobuf.typed_values import gather, read_message, read_scalar
from docarray.formats.protobuf.wire import records
from docarray.kinds import Codec
from docarray.schema import Schema

__all__ = ['Reader', 'Spot']

_MISSING: Any = object()


class Spot(NamedTuple):
    """Where a document is in what is read, and how deep."""

    path: tuple[int | str, ...] = ()
    depth: int = 1

    def inside(self, *path: int | str) -> Spot:
        return Spot(self.path + path, self.depth + 1)


class Reader:
    """Reads documents out of messages; ``title`` is what is read, for errors."""

    def __init__(self, plan: Plan, title: str, limits: Limits, framework: str) -> None:
        self.plan, self.title, self.limits, self.framework = plan, title, limits, framework
        self.builders: dict[Schema, Any] = {}

    def document(self, message: Any, schema: Schema, spot: Spot) -> Any:
        """Read a document."""
        if spot.depth > self.limits.depth:
            self.limits.check('depth', spot.depth, self._where(spot))
        cls: Any = schema.document_type
        document = self.plan.documents[cls]
        nulls = getattr(message, document.nulls) if document.nulls else ()
        values: dict[str, Any] = {}
        for place in document.places:
            name = place.field.name
            value = _READERS[place.form](self, place, message, spot)
            if value is not _MISSING:
                values[name] = value
            elif place.field.lowered.nullable and (not place.defaulted or name in nulls):
                values[name] = None
        if cls.model_config.get('extra') == 'forbid':
            values.update(_unknown(message))
        build = self.builders.get(schema) or self.builders.setdefault(schema, builder_of(schema))
        try:
            return build(values)
        except pydantic.ValidationError as error:
            raise ValidationError.of(error, title=self.title, inside=spot.path) from error.__cause__

    def documents(self, messages: Sequence[Any], schema: Schema, spot: Spot) -> list[Any]:
        """Read documents."""
        self.limits.check('documents', len(messages), self._where(spot))
        return [self.document(message, schema, spot.inside(row)) for row, message in enumerate(messages)]

    def cells(self, place: Place, message: Any, spot: Spot) -> Any:
        """Read a value; return what is there where it does not fit, for pydantic to judge."""
        codec, (name,) = place.field.codec, place.names
        if place.form != 'items' and not message.HasField(name):
            return _MISSING
        try:
            packed = self._packed(place.form, getattr(message, name), codec)
        except DocArrayError as error:
            raise error.at(self._where(spot, place.field.name)) from error.__cause__
        try:
            return codec.unpack(packed)
        except Exception:  # whatever a codec trips over
            return packed

    def _packed(self, form: str, value: Any, codec: Codec) -> Any:
        if form == 'value':
            return read_scalar(value, codec)
        return (read_message if form == 'message' else gather)(value, codec, self.framework)

    def one(self, place: Place, message: Any, spot: Spot) -> Any:
        """Read a document, of the class that is there where there are several."""
        for name, schema in zip(place.names, place.field.schemas, strict=True):
            if message.HasField(name):
                return self.document(getattr(message, name), schema, spot.inside(place.field.name))
        return _MISSING

    def many(self, place: Place, message: Any, spot: Spot) -> Any:
        """Read documents."""
        (name,) = place.names
        documents = getattr(message, name)
        if place.form == 'array':
            if not message.HasField(name):
                return _MISSING
            documents = documents.documents
        inside = Spot((*spot.path, place.field.name), spot.depth)
        return place.field.lowered.collect(self.documents(documents, place.field.schema, inside))

    def _where(self, spot: Spot, *names: str) -> str:
        return '.'.join(map(str, (self.title, *spot.path, *names)))


def _unknown(message: Any) -> dict[str, bytes]:
    """Return the fields of a message that its class does not have, which are known by their numbers alone."""
    known, raw = message.DESCRIPTOR.fields_by_number, memoryview(message.SerializeToString())
    return {
        f'field {number}': bytes(raw[start:stop])
        for number, _, _, start, stop in records(raw, message.DESCRIPTOR.name)
        if number not in known
    }


_READERS = {
    **dict.fromkeys(('value', 'message', 'items'), Reader.cells),
    'document': Reader.one,
    'documents': Reader.many,
    'array': Reader.many,
    'variant': Reader.one,
}
