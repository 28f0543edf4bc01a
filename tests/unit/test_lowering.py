"""What annotations come to: form, kind, whether None is allowed, and codecs that go both ways."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import ipaddress
import pathlib
import typing
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, Optional, Union

import pydantic
import pytest
import typing_extensions

from docarray import AnyDocument, BaseDocument, DocumentArray
from docarray.errors import SchemaError
from docarray.kinds import Codec, Kind
from docarray.lowering import describe, lower, lower_field
from docarray.typing import ID, ImageBytes, ImageUrl, NdArray


class Inner(BaseDocument):
    n: int = 0


class Other(BaseDocument):
    s: str = ''


class Word(str, enum.Enum):
    A = 'a'


class Number(enum.IntEnum):
    ONE = 1


class Big(enum.Enum):
    HUGE = 2**70


class Mixed(enum.Enum):
    ONE = 1
    TWO = 'two'


UserId = NewType('UserId', int)
Alias = typing_extensions.TypeAliasType('Alias', list[int] | None)


@pytest.mark.parametrize(
    ('annotation', 'wanted'),
    [
        (bool, 'bool'),
        (int, 'int'),
        (float, 'float'),
        (str, 'str'),
        (bytes, 'bytes'),
        (int | None, 'int?'),
        (Optional[int], 'int?'),  # noqa: UP045
        (Union[None, Annotated[int, pydantic.Field(gt=0)]], 'int?'),  # noqa: UP007
        (Annotated[int | None, 'note'], 'int?'),
        (UserId, 'int'),
        (Alias, 'list(int)?'),
        (ID, 'str'),
        (ImageUrl, 'str'),
        (ImageBytes, 'bytes'),
        (Word, 'str'),
        (Number, 'int'),
        (Big, 'str'),
        (Mixed, 'str'),
        (Literal['a', 'b'], 'str'),
        (Literal[1, 2], 'int'),
        (Literal[True], 'bool'),
        (Literal[1, 'a'], 'json'),
        (datetime.datetime, 'str'),
        (datetime.date, 'str'),
        (datetime.time, 'str'),
        (datetime.timedelta, 'str'),
        (decimal.Decimal, 'str'),
        (uuid.UUID, 'str'),
        (pathlib.Path, 'str'),
        (ipaddress.IPv6Address, 'str'),
        (list[int], 'list(int)'),
        (Sequence[str], 'list(str)'),
        (tuple[int, ...], 'list(int)'),
        (set[str], 'list(str)'),
        (frozenset[int], 'list(int)'),
        (collections.deque[float], 'list(float)'),
        (list[list[int]], 'list(list(int))'),
        (list[int | None], 'list(json)'),
        (list, 'list(json)'),
        (tuple, 'list(json)'),
        (tuple[int, str], 'json'),
        (tuple[()], 'json'),
        (dict, 'map(json)'),
        (dict[str, int], 'map(int)'),
        (Mapping[str, float], 'map(float)'),
        (dict[int, str], 'json'),
        (dict[str, Inner], 'json'),
        (int | str, 'json'),
        (Any, 'json'),
        (complex, 'json'),
        (NdArray, 'tensor(None, any)'),
        (NdArray[3, 'w', 'uint8'], "tensor((3, 'w'), uint8)"),
        (list[NdArray], 'list(tensor(None, any))'),
        (Inner, 'nested(Inner)'),
        (Inner | None, 'nested(Inner)?'),
        (list[Inner], 'docs(Inner)'),
        (tuple[Inner, ...], 'docs(Inner)'),
        (DocumentArray[Inner], 'docs(Inner)'),
        (DocumentArray[Inner] | None, 'docs(Inner)?'),
        (list[Inner | None], 'list(json)'),
        (Inner | Other, 'variant(Inner|Other)'),
        (Inner | Other | None, 'variant(Inner|Other)?'),
        (Annotated[Inner, 'note'] | Other, 'variant(Inner|Other)'),
        (list[Inner | Other], 'list(json)'),
        (AnyDocument, 'json'),
        (DocumentArray, 'json'),
    ],
)
def test_annotations(annotation: Any, wanted: str) -> None:
    assert describe(lower(annotation)) == wanted


def test_any_and_none_allow_none() -> None:
    assert lower(type(None)).nullable
    assert typing.cast('Any', lower(None)).nullable


@pytest.mark.parametrize(
    ('annotation', 'value', 'packed'),
    [
        (Word, Word.A, 'a'),
        (Number, Number.ONE, 1),
        (Big, Big.HUGE, 'HUGE'),
        (Mixed, Mixed.TWO, 'TWO'),
        (datetime.date, datetime.date(2024, 2, 29), '2024-02-29'),
        (datetime.timedelta, datetime.timedelta.max, None),
        (datetime.timedelta, datetime.timedelta.min, None),
        (datetime.timedelta, datetime.timedelta(microseconds=-1), None),
        (datetime.time, datetime.time(1, 2, 3, 4, datetime.timezone.utc), '01:02:03.000004+00:00'),
        (decimal.Decimal, decimal.Decimal('1E+100'), '1E+100'),
        (pathlib.Path, pathlib.Path('a/b'), 'a/b'),
        (set[str], {'a'}, ['a']),
        (dict[str, datetime.date], {'k': datetime.date.min}, {'k': '0001-01-01'}),
        (list[uuid.UUID], [uuid.UUID(int=1)], ['00000000-0000-0000-0000-000000000001']),
        (tuple[int, str], (1, 'a'), [1, 'a']),
        (dict[int, str], {1: 'a'}, {'1': 'a'}),
    ],
)
def test_codecs_go_both_ways(annotation: Any, value: Any, packed: Any) -> None:
    codec = lower(annotation).codec
    assert codec is not None
    stored = codec.pack(value)
    assert packed is None or stored == packed
    back = codec.unpack(stored)
    assert (type(back), back) == (type(value), value)


def test_times_of_other_writers_are_read() -> None:
    codec = lower(datetime.datetime).codec
    assert codec is not None
    wanted = datetime.datetime(2024, 2, 29, 12, 0, 0, 123000, datetime.timezone.utc)
    assert codec.unpack('2024-02-29T12:00:00.123Z') == codec.unpack('2024-02-29T12:00:00.123+00:00') == wanted


def test_a_type_brings_its_own_codec() -> None:
    class Celsius(float):
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            return pydantic.GetCoreSchemaHandler.generate_schema(handler, float)

        @classmethod
        def __docarray_codec__(cls) -> Codec:
            return Codec(Kind('float'), float, cls)

    codec = lower(Celsius | None).codec
    assert codec is not None
    assert codec.kind.name == 'float'
    assert type(codec.unpack(1.0)) is Celsius


def test_metadata_brings_a_codec() -> None:
    class Reversed:
        def __docarray_codec__(self) -> Codec:
            return Codec(Kind('str'), lambda text: text[::-1], lambda text: text[::-1])

    class Doc(BaseDocument):
        text: Annotated[str, Reversed()]

    codec = lower_field(Doc.model_fields['text']).codec
    assert codec is not None
    assert codec.pack('abc') == 'cba'
    assert DocumentArray[Doc]([Doc(text='abc')]).stack().unstack()[0].text == 'abc'


def test_a_union_of_classes_of_one_name_is_refused() -> None:
    def make() -> Any:
        class Inner(BaseDocument):
            pass

        return Inner

    with pytest.raises(SchemaError, match='distinct class names'):
        lower(Inner | make())
