"""Fields declared as the frameworks' own tensor classes, without a shape."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Optional, TypeVar

import numpy as np
import numpy.typing as npt
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray
from docarray.errors import SchemaError, ValidationError
from docarray.schema import schema_of
from docarray.typing import NdArray, Shape

T = TypeVar('T')


class Page(BaseDocument):
    free: np.ndarray
    maybe: np.ndarray | None = None
    typed: npt.NDArray[np.float32] = np.zeros(2, np.float32)
    more: Annotated[np.ndarray, pydantic.AfterValidator(lambda value: value + 1)] = np.zeros(1)
    n: int = 0
    children: DocumentArray[Page] = []


class Special(Page):
    other: Optional[np.ndarray] = None  # noqa: UP045 - the old spelling


def test_a_native_class_is_a_tensor_of_any_shape() -> None:
    page = Special(free=[[1, 2]], typed=[1, 2], more=[1], other=[3])
    assert type(page.free) is type(page.typed) is type(page.other) is NdArray
    assert page.typed.dtype == np.float32
    assert page.more.tolist() == [2]
    assert page.maybe is None
    assert Special.from_json(page.to_json()).free.tolist() == [[1, 2]]
    stacked = DocumentArray[Special]([page, page]).stack()
    assert stacked.free.shape == (2, 1, 2)
    assert schema_of(Page).fields['typed'].codec.kind.dtype == 'float32'
    with pytest.warns(pydantic.json_schema.PydanticJsonSchemaWarning, match='Default value'):
        schema = Page.model_json_schema()
    assert schema['$defs']['Page']['properties']['free']['type'] == 'array'
    with pytest.raises(ValidationError, match='free'):
        Page(free='x')


@pytest.mark.parametrize(
    ('module', 'name', 'made'),
    [
        ('torch', 'Tensor', 'TorchTensor'),
        ('tensorflow', 'Tensor', 'TensorFlowTensor'),
        ('jax', 'Array', 'JaxArray'),
    ],
)
def test_frameworks(module: str, name: str, made: str) -> None:
    native = getattr(pytest.importorskip(module), name)
    kind = pydantic.create_model('Kind', __base__=BaseDocument, x=(native, ...), y=(native | None, None))
    assert type(kind(x=[1.0]).x).__name__ == type(kind(x=[1.0], y=[1.0]).y).__name__ == made


def test_generic_documents() -> None:
    class Box(BaseDocument, Generic[T]):
        value: T

    assert type(Box[np.ndarray](value=[1]).value) is NdArray


@pytest.mark.parametrize('inside', [list[np.ndarray], dict[str, np.ndarray], np.ndarray | set[int], np.dtype])
def test_types_that_pydantic_does_not_know_are_named(inside: Any) -> None:
    with pytest.raises(SchemaError, match=r'Odd\.x: got .*numpy.*Annotated\[torch\.Tensor, Shape') as caught:

        class Odd(BaseDocument):
            children: DocumentArray[Odd] = []
            tensor: np.ndarray
            x: inside

    assert isinstance(caught.value.__cause__, pydantic.errors.PydanticSchemaGenerationError)


def test_a_shape_that_cannot_be_says_so_itself() -> None:
    with pytest.raises(SchemaError, match='got dtype uint8, wanted float32'):

        class Odd(BaseDocument):
            tensor: np.ndarray
            x: Annotated[npt.NDArray[np.float32], Shape(2, dtype='uint8')]


def test_classes_that_ask_for_something_else_get_it() -> None:
    class Free(BaseDocument, arbitrary_types_allowed=True):
        x: np.ndarray

    class Exact(BaseDocument):
        x: pydantic.InstanceOf[np.ndarray]
        y: np.ndarray

    array = np.zeros(2)
    assert Free(x=array).x is array
    assert Exact(x=array, y=array).x is array
    for kind in (Free, Exact):
        with pytest.raises(ValidationError, match='instance of ndarray'):
            kind(x=[1], y=[1])


def test_what_the_base_class_says_stays() -> None:
    class Base(BaseDocument, arbitrary_types_allowed=True):
        x: np.ndarray

    class Derived(Base, arbitrary_types_allowed=False):
        y: np.ndarray

    assert type(Derived(x=[1], y=[1]).x) is NdArray
    with pytest.raises(ValidationError):
        Base(x=[1])
    assert Base.model_fields['x'].metadata == []
