"""Classes and documents between processes: pickle, cloudpickle, fork, spawn, forkserver, pools."""

from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import enum
import gc
import multiprocessing
import pickle
import subprocess
import sys
import textwrap
import weakref
from multiprocessing import pool as pools
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import cloudpickle
import numpy as np
import pydantic
import pytest
import typing_extensions

import docarray
from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.schema import schema_of
from docarray.typing import NdArray

T = TypeVar('T')


class Inner(BaseDocument):
    n: int = 0


class Page(BaseDocument):
    title: str
    embedding: NdArray[3]
    inner: Inner | None = None
    parts: DocumentArray[Inner] = DocumentArray[Inner]()


class Box(BaseDocument, Generic[T]):
    value: T


def pages(count: int = 3) -> Any:
    return DocumentArray[Page](
        [
            Page(
                title=str(i),
                embedding=np.arange(3.0) * i,
                inner=Inner(n=i) if i % 2 else None,
                parts=[Inner()] * i,
            )
            for i in range(count)
        ]
    )


def local_class() -> Any:
    class Hidden(BaseDocument):
        embedding: NdArray[2]
        inner: Inner = Inner()

        @property
        def double(self) -> Any:
            return self.embedding * 2

    return Hidden


def local_fields() -> Any:
    """A class whose fields are of classes that only this call knows, and one such document."""

    class Color(enum.Enum):
        RED = 1
        BLUE = 'b'

    class Rights(enum.IntFlag):
        READ = 1
        WRITE = 2

    @dataclasses.dataclass(frozen=True)
    class Point:
        x: float
        color: Color

    class Pair(NamedTuple):
        left: int
        right: Color

    class Keys(typing_extensions.TypedDict):
        point: Point

    class Model(pydantic.BaseModel):
        color: Color = Color.BLUE
        points: list[Point] = []

    class Plain(BaseDocument):
        color: Color = Color.RED
        n: int = 0

    class Local(BaseDocument):
        color: Color
        rights: Rights | None = None
        fixed: Literal[Color.RED] = Color.RED
        point: Point
        pair: Pair
        keys: Keys
        model: Model
        colors: dict[str, list[Color]]
        nested: Plain
        many: DocumentArray[Plain]
        boxed: Box[Color]

    point = Point(1.0, Color.RED)
    return Local, Local(
        color=Color.BLUE,
        rights=Rights.READ | Rights.WRITE,
        point=point,
        pair=Pair(1, Color.RED),
        keys={'point': point},
        model=Model(points=[point]),
        colors={'a': [Color.RED, Color.BLUE]},
        nested=Plain(),
        many=[Plain(n=1), Plain(n=2)],
        boxed=Box[Color](value=Color.BLUE),
    )


def local_array(kind: Any) -> Any:
    return DocumentArray[kind]([kind(embedding=[1.0, 2.0]), kind(embedding=[3.0, 4.0])])


def things(kind: Any) -> dict[str, Any]:
    """One of everything that may travel."""
    array, local = pages(), local_array(kind)
    return {
        'array class': DocumentArray[Page],
        'stacked class': DocumentArrayStacked[Page],
        'tensor class': NdArray[3, 4],
        'generic class': Box[int],
        'array of generic': DocumentArray[Box[int]],
        'local class': kind,
        'array of local class': DocumentArray[kind],
        'document': array[1],
        'view': array.stack()[1],
        'array': array,
        'stacked': array.stack(),
        'batch': array.stack().batch,
        'schema': schema_of(Page),
        'local document': local[0],
        'local array': local,
        'local stacked': local.stack(),
        'slice of a stacked array': array.stack()[1:],
    }


def echo(value: Any) -> Any:
    return value


def described(value: Any) -> tuple[str, Any]:
    """What the other side sees, and the value sent back."""
    if isinstance(value, DocumentArrayStacked):
        value = value.unstack()
    return type(value).__name__, value


def same(some: list[Any], others: list[Any]) -> bool:
    """Equal documents of equal ids. (What strategies.py has takes long to import in a new process.)"""
    return some == others and [one.id for one in some] == [one.id for one in others]


def check_back(kind: Any, sent: Any, back: Any) -> None:
    if isinstance(sent, type) or sent is schema_of(Page):
        assert back is sent
    elif isinstance(sent, DocumentArrayStacked):
        assert type(back) is type(sent)
        assert back.schema is sent.schema
        assert same(list(sent.unstack()), list(back.unstack()))
    elif isinstance(sent, DocumentArray):
        assert type(back) is type(sent)
        assert same(list(sent), list(back))
    elif isinstance(sent, BaseDocument):
        assert type(back) in (Page, kind)
        assert back == sent
        assert back.id == sent.id
    else:
        assert same(sent.rows(), back.rows())


@pytest.fixture(scope='module')
def hidden() -> Any:
    return local_class()


@pytest.mark.parametrize('protocol', range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_round_trip(hidden: Any, protocol: int) -> None:
    for sent in things(hidden).values():
        check_back(hidden, sent, pickle.loads(pickle.dumps(sent, protocol)))


def test_cloudpickle_round_trip(hidden: Any) -> None:
    for sent in things(hidden).values():
        check_back(hidden, sent, pickle.loads(cloudpickle.dumps(sent)))


def test_deepcopy(hidden: Any) -> None:
    for sent in things(hidden).values():
        check_back(hidden, sent, copy.deepcopy(sent))


def test_a_copied_stacked_array_has_columns_of_its_own() -> None:
    stacked = pages().stack()
    for other in (
        copy.copy(stacked),
        copy.deepcopy(stacked),
        stacked.copy(),
        pickle.loads(pickle.dumps(stacked)),
    ):
        other.embedding[0, 0] = 99.0
        other[1].title = 'changed'
        other[1].inner.n = 99
    assert stacked.embedding[0, 0] == 0
    assert stacked[1].title == '1'
    assert stacked[1].inner.n == 1


@pytest.mark.parametrize('method', multiprocessing.get_all_start_methods())
def test_start_methods(hidden: Any, method: str) -> None:
    sent = things(hidden)
    with multiprocessing.get_context(method).Pool(1) as pool:
        for name, back in zip(sent, pool.map(echo, list(sent.values()), chunksize=4), strict=True):
            check_back(hidden, sent[name], back)
        name, back = pool.apply(described, (sent['local stacked'],))
        assert name == 'DocumentArray[Hidden]'
        assert type(back) is DocumentArray[hidden]
        assert np.array_equal(back[1].double, [6.0, 8.0])
        again = pool.apply(echo, (back[0],))
        assert type(again) is hidden


def test_thread_pool_and_executors(hidden: Any) -> None:
    sent = things(hidden)
    with pools.ThreadPool(2) as pool:
        assert pool.map(echo, list(sent.values())) is not None
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else 'spawn')
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as executor:
        for name, back in zip(sent, executor.map(echo, sent.values()), strict=True):
            check_back(hidden, sent[name], back)


def test_classes_of_a_main_script_cross_spawn(tmp_path: Any) -> None:
    script = tmp_path / 'script.py'
    script.write_text(
        textwrap.dedent(
            """
            import multiprocessing
            from docarray import BaseDocument, DocumentArray

            class Main(BaseDocument):
                n: int

            def make():
                class Local(BaseDocument):
                    n: int
                return Local

            def total(array):
                return type(array).document_type, sum(array.n)

            if __name__ == '__main__':
                for cls in (Main, make()):
                    array = DocumentArray[cls]([cls(n=1), cls(n=2)])
                    with multiprocessing.get_context('spawn').Pool(1) as pool:
                        assert pool.map(total, [array, array.stack()]) == [(cls, 3)] * 2
                print('well')
            """
        )
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == 'well\n', done.stderr


def test_a_process_without_the_local_class_gets_it_once(hidden: Any, tmp_path: Any) -> None:
    file = tmp_path / 'data'
    array = local_array(hidden)
    file.write_bytes(pickle.dumps([pickle.dumps(hidden), pickle.dumps(array), pickle.dumps(array.stack())]))
    code = f"""
import pickle
kind, array, stacked = map(pickle.loads, pickle.load(open({str(file)!r}, 'rb')))
assert type(array).document_type is type(stacked).document_type is kind
assert type(array[0]) is kind and pickle.loads(pickle.dumps(kind)) is kind
assert stacked.unstack() == array and array.stack() + stacked
"""
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_round_trip_in_the_process_of_the_class_leaves_the_class_alone() -> None:
    kind = local_class()
    array, schema = local_array(kind), schema_of(kind)
    stacked, typed = array.stack(), DocumentArray[kind]
    members = dict(vars(kind))
    assert pickle.loads(pickle.dumps(stacked)) + stacked == stacked + stacked
    assert pickle.loads(cloudpickle.dumps(stacked)) + stacked == stacked + stacked
    assert schema_of(kind) is schema
    assert DocumentArray[kind] is typed
    assert vars(kind).keys() == members.keys()


def test_typed_classes_leave_no_trace_in_modules() -> None:
    modules = [sys.modules[name] for name in list(sys.modules) if name.startswith('docarray')] + [
        sys.modules[__name__]
    ]
    kind = local_class()
    pickle.loads(pickle.dumps(local_array(kind).stack()))  # imports what it needs
    before = [set(vars(module)) for module in modules]
    other = local_class()
    pickle.loads(pickle.dumps([DocumentArray[other], NdArray[5, 6, 7], local_array(other).stack()]))
    assert [set(vars(module)) for module in modules] == before


def test_dropped_classes_are_freed() -> None:
    kind: Any = local_class()
    array = local_array(kind)
    stacked = array.stack()
    stacked[0].embedding = [5.0, 6.0]
    stacked.embedding = np.ones((2, 2))
    pickle.loads(pickle.dumps(stacked))
    pickle.loads(cloudpickle.dumps(array))
    gone = [weakref.ref(one) for one in (kind, DocumentArray[kind], DocumentArrayStacked[kind])]
    del kind, array, stacked
    for _ in range(3):
        gc.collect()
    assert [ref() for ref in gone] == [None, None, None]


def test_threads_get_one_class() -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as executor:
        for _ in range(50):
            kind = local_class()
            made = list(executor.map(lambda _, kind=kind: DocumentArray[kind], range(8)))
            assert len(set(made)) == 1
            schemas = list(executor.map(lambda _, kind=kind: schema_of(kind), range(8)))
            assert len(set(map(id, schemas))) == 1


TRAVELS = {
    'pickle': lambda value: pickle.loads(pickle.dumps(value)),
    'old pickle': lambda value: pickle.loads(pickle.dumps(value, 2)),
    'cloudpickle': lambda value: pickle.loads(cloudpickle.dumps(value)),
    'deepcopy': copy.deepcopy,
}


@pytest.mark.parametrize('travel', TRAVELS)
def test_local_classes_of_fields_travel_with_the_documents(travel: str) -> None:
    kind, sent = local_fields()
    sent_array = DocumentArray[kind]([sent, sent])
    array, stacked = TRAVELS[travel]((sent_array, sent_array.stack()))
    assert array == sent_array
    assert stacked.unstack() == sent_array
    for back in (*array, *stacked.unstack(), stacked[0]):
        assert back.color is sent.color
        assert back.fixed is sent.fixed
        assert back.colors == sent.colors
        assert type(back.rights) is type(sent.rights)
        assert back.point == sent.point
        assert type(back.pair) is type(sent.pair)
        assert back.pair.right is sent.pair.right
        assert type(back.keys['point']) is type(sent.point)
        assert type(back.model) is type(sent.model)
        assert back.model == sent.model
        assert isinstance(back.nested, type(sent.nested))
        assert isinstance(back.boxed, type(sent.boxed))


@pytest.mark.parametrize('method', multiprocessing.get_all_start_methods())
def test_local_classes_of_fields_in_other_processes(method: str) -> None:
    kind, sent = local_fields()
    with multiprocessing.get_context(method).Pool(1) as pool:
        for back in (pool.apply(echo, (sent,)), *pool.apply(echo, (DocumentArray[kind]([sent]).stack(),))):
            assert type(back) in (kind, type(DocumentArray[kind]([sent]).stack()[0]))
            assert back == sent
            assert back.color is sent.color
            assert back.pair.right is sent.pair.right
        assert pool.apply(well_colored, (DocumentArray[kind]([sent, sent]),)) == [True, True]


def well_colored(array: Any) -> list[bool]:
    """Whether the classes of the fields and the members in them are one also over there."""
    enums = type(array[0].color)
    return [
        one.color is enums.BLUE and one.point.color is enums.RED and isinstance(one.boxed.value, enums)
        for one in array
    ]


def test_a_local_class_goes_once_with_many_documents() -> None:
    kind, one = local_fields()
    single = len(pickle.dumps(DocumentArray[kind]([one])))
    many = [kind(**{**vars(one), 'id': str(i)}) for i in range(21)]
    assert len(pickle.dumps(DocumentArray[kind](many))) < 2 * single


def test_local_classes_of_fields_are_freed() -> None:
    kind, one = local_fields()
    pickle.loads(pickle.dumps(DocumentArray[kind]([one]).stack()))
    classes = (kind, type(one.rights), type(one.point), type(one.model))  # typing keeps what Literal names
    gone = [weakref.ref(cls) for cls in classes]
    del kind, one, classes
    for _ in range(3):
        gc.collect()
    assert [ref() for ref in gone] == [None] * 4


def test_typed_subclass_of_an_array_travels() -> None:
    assert pickle.loads(pickle.dumps(Shelf[Page])) is Shelf[Page]
    assert pickle.loads(cloudpickle.dumps(Shelf[Page])) is Shelf[Page]
    assert type(pickle.loads(pickle.dumps(Shelf[Page](pages())))) is Shelf[Page]


class Shelf(DocumentArray[T]):
    """An array class of a user's own."""


def test_errors_travel() -> None:
    for wrong in (
        lambda: Page(title=[], embedding=[1]),
        lambda: pages().stack().nothing,
        lambda: DocumentArray[int],
    ):
        with pytest.raises(docarray.errors.DocArrayError) as caught:
            wrong()
        back = pickle.loads(pickle.dumps(caught.value))
        assert type(back) is type(caught.value)
        assert str(back) == str(caught.value)


def test_a_class_with_a_module_and_nothing_else() -> None:
    kind: Any = type(TextDoc)('Other', (TextDoc,), {'__module__': __name__})
    assert kind(text='a').text == kind(text='a').model_dump()['text'] == 'a'
    assert type(TextDoc)('Another', (TextDoc,), {})(text='a').to_json().endswith('"bytes_":null}')
