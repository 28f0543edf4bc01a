"""IDs: what they are made of, and that they are unique."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from docarray.errors import InvalidValueError
from docarray.typing.id import ID, new_id

ids = TypeAdapter(ID)


class Row(BaseModel):
    id: ID | None = None


UUID_TEXT = '12345678-1234-5678-1234-567812345678'


class Named:
    def __str__(self) -> str:
        return 'name'


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        ('a', 'a'),
        ('', ''),
        ('größe', 'größe'),
        (5, '5'),
        (Decimal('1.50'), '1.50'),
        (UUID(UUID_TEXT), UUID_TEXT),
        (ID('b'), 'b'),
        (Named(), 'name'),
        (b'gr\xc3\xbc\xc3\x9fe', 'grüße'),
        (bytearray(b'abc'), 'abc'),
        (memoryview(b'abc'), 'abc'),
        (b'\xff\x00', 'ff00'),
    ],
)
def test_what_makes_an_id(value: object, text: str) -> None:
    found = ids.validate_python(value)
    assert (found, type(found)) == (text, ID)


@pytest.mark.parametrize('value', [None, object(), '\ud800', 'a\udfffb'])
def test_what_makes_none(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        ids.validate_python(value)
    assert isinstance(caught.value.errors()[0]['ctx']['error'], InvalidValueError)


def test_in_a_model() -> None:
    row = Row(id=7)  # type: ignore[arg-type]  # coerced, as the annotation of a model field allows
    assert row.model_dump_json() == '{"id":"7"}'
    assert row.model_dump() == {'id': '7'}
    assert type(row.model_dump(mode='json')['id']) is str
    back = Row.model_validate_json('{"id":"7"}')
    assert back == row
    assert type(back.id) is ID
    assert Row().model_dump_json() == '{"id":null}'


def test_the_json_schema_is_the_same_each_time() -> None:
    assert ids.json_schema() == {'type': 'string'}
    assert ids.json_schema(mode='serialization') == ids.json_schema()


@given(st.text())
def test_round_trips(text: str) -> None:
    one = ids.validate_python(text)
    codec = ID.__docarray_codec__()
    packed = codec.pack(one)
    assert type(packed) is str
    for other in (
        ids.validate_json(ids.dump_json(one)),
        pickle.loads(pickle.dumps(one)),
        copy.deepcopy(one),
        codec.unpack(packed),
    ):
        assert (other, type(other)) == (one, ID)
    assert codec.kind.name == 'str'


def test_a_valid_instance_is_passed_on_as_it_is() -> None:
    one = ID('x')
    assert ids.validate_python(one) is one


def test_a_subclass_of_str_gives_an_id() -> None:
    class Word(str):
        pass

    assert type(ids.validate_python(Word('x'))) is ID


def test_new_ids_are_32_hexadecimal_digits_and_differ() -> None:
    made = [new_id() for _ in range(5000)]
    assert len(set(made)) == 5000
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in made)


def _send(queue: Any) -> None:
    queue.put([new_id() for _ in range(10)])


@pytest.mark.skipif('fork' not in multiprocessing.get_all_start_methods(), reason='needs fork')
@pytest.mark.filterwarnings('ignore:.*fork.*:DeprecationWarning')
def test_forked_processes_make_different_ids() -> None:
    new_id()
    context = multiprocessing.get_context('fork')
    queue = context.SimpleQueue()
    workers = [context.Process(target=_send, args=(queue,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    made = [new_id() for _ in range(10)] + queue.get() + queue.get()
    for worker in workers:
        worker.join()
    assert len(set(made)) == 30
