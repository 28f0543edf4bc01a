"""Defaults of fields: each document has its own, of the class that its field declares."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import Annotated, Any

import numpy as np
import pydantic
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.documents import TextDoc
from docarray.typing import AnyTensor, NdArray, Shape

Floats = NdArray[2, 'float32']


class Part(BaseDocument):
    n: int = 0


class Page(BaseDocument):
    parts: DocumentArray[Part] = []
    given: DocumentArray[Part] = DocumentArray[Part]([Part(id='a', n=1)])
    dicts: DocumentArray[Part] | None = [{'n': 2}]  # noqa: RUF012 - pydantic copies it
    stacked: DocumentArrayStacked[Part] = []
    vector: NdArray[2] = np.zeros(2)
    numbers: Floats | None = [1.0, 2.0]  # noqa: RUF012
    shaped: Annotated[np.ndarray, Shape(2)] = np.ones(2)
    missing: NdArray[2] = None
    unfit: NdArray[2] = np.zeros(3)
    words: list[str] = []

    @pydantic.field_validator('vector')
    @classmethod
    def as_it_is(cls, value: Any) -> Any:
        return value


def test_defaults_are_of_the_declared_classes() -> None:
    page = Page()
    assert type(page.parts) is type(page.given) is type(page.dicts) is DocumentArray[Part]
    assert type(page.stacked) is DocumentArrayStacked[Part]
    assert page.dicts.n == [2]
    assert page.given.id == ['a']
    assert type(page.vector) is type(page.numbers) is type(page.shaped) is NdArray
    assert page.numbers.dtype == np.float32
    assert page.words == []
    assert not page.model_fields_set


def test_a_default_that_does_not_fit_stays_what_it_is() -> None:
    page = Page()
    assert page.missing is None
    assert page.unfit.shape == (3,)
    page.unfit[0] = 1
    assert Page().unfit[0] == 0


def test_each_document_has_its_own() -> None:
    page, expected = Page(), Page()
    page.parts.append(Part())
    page.given[0].n = 9
    page.dicts.clear()
    page.vector[0] = page.numbers[0] = page.shaped[0] = 9
    page.words.append('x')
    assert Page() == expected
    assert Page.model_fields['given'].default[0].n == 1
    assert Page.model_fields['vector'].default[0] == 0


def test_what_the_class_says_of_its_fields_stays() -> None:
    fields = Page.model_fields
    assert fields['parts'].default == []
    assert type(fields['parts'].default) is list
    assert type(fields['vector'].default) is np.ndarray
    assert not any(field.is_required() for field in fields.values())
    with pytest.warns(pydantic.json_schema.PydanticJsonSchemaWarning):  # numpy's defaults are not JSON
        schema = Page.model_json_schema()
    assert 'required' not in schema
    properties = schema['properties']
    assert properties['parts']['default'] == properties['stacked']['default'] == []
    assert properties['dicts']['default'] == [{'n': 2}]
    assert properties['numbers']['default'] == [1.0, 2.0]
    assert 'default' not in properties['vector']


def test_documents_with_defaults_go_through_everything() -> None:
    pages = DocumentArray[Page]([Page(unfit=[0, 0], missing=[0, 0], parts=[{'n': n}]) for n in (4, 5)])
    assert pages.stack().unstack() == pages
    assert DocumentArray[Page].from_json(pages.to_json()) == pages
    assert pickle.loads(pickle.dumps(pages)) == pages
    assert Page.from_json('{}') == Page()
    assert Page.model_validate({}).parts == []
    assert json.loads(pages[1].to_json())['parts'][0]['n'] == 5


def test_a_tree_of_its_own_class() -> None:
    class Tree(BaseDocument):
        children: DocumentArray[Tree] = []

    tree = Tree()
    tree.children.append(Tree())
    assert type(tree.children) is DocumentArray[Tree]
    assert Tree().children == []


def test_subclasses_and_classes_around_it() -> None:
    class Special(Page):
        m: int = 0

    class Book(BaseDocument):
        page: Page

    for page in (Special(), Book(page={}).page):
        page.vector[0] = 5
        assert type(page.parts) is DocumentArray[Part]
    assert Special().vector[0] == Book(page={}).page.vector[0] == 0


def test_local_classes_take_their_defaults_along(tmp_path: Any) -> None:
    class Local(BaseDocument):
        parts: DocumentArray[TextDoc] = []
        vector: NdArray[2] = np.zeros(2)

    Local()
    (tmp_path / 'class').write_bytes(pickle.dumps(Local))
    code = f"""
import pickle
kind = pickle.load(open({str(tmp_path / 'class')!r}, 'rb'))
assert type(kind().parts).__name__ == 'DocumentArray[TextDoc]' and type(kind().vector).__name__ == 'NdArray'
assert kind().vector is not kind().vector
"""
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_defaults_that_pydantic_validates() -> None:
    class Checked(BaseDocument, validate_default=True):
        parts: DocumentArray[Part] = []
        vector: NdArray[2] = np.zeros(3)

    with pytest.raises(pydantic.ValidationError, match='vector'):
        Checked()
    assert type(Checked(vector=[1, 2]).parts) is DocumentArray[Part]


def test_torch_defaults() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Model(BaseDocument):
        weights: TorchTensor[2] = torch.zeros(2)
        free: AnyTensor = torch.zeros(2)
        anything: Any = torch.zeros(2)
        several: tuple[TorchTensor, ...] = (torch.zeros(2),)

    model = Model()
    for tensor in (model.weights, model.free, model.anything, model.several[0]):
        tensor += 1
    assert Model() == Model.from_json('{}')
    assert Model().weights.tolist() == Model().free.tolist() == [0, 0]
    assert Model().anything.tolist() == Model().several[0].tolist() == [0, 0]
    assert type(Model().weights) is TorchTensor
    assert Model.model_fields['weights'].default.tolist() == [0, 0]


def test_jax_defaults() -> None:
    numpy = pytest.importorskip('jax.numpy')
    from docarray.typing import JaxArray

    class Model(BaseDocument):
        weights: JaxArray[2] = numpy.zeros(2)

    model = Model()
    model.weights[0] = 5.0
    assert type(model.weights) is JaxArray
    assert Model().weights.tolist() == [0, 0]


def test_tensorflow_defaults() -> None:
    tensorflow = pytest.importorskip('tensorflow')
    from docarray.typing import TensorFlowTensor

    class Model(BaseDocument):
        weights: TensorFlowTensor[2] = tensorflow.zeros(2)
        variable: TensorFlowTensor[2] = tensorflow.Variable([0.0, 0.0])

    model = Model()
    model.weights[0] = 5.0
    model.variable.assign([5.0, 5.0])
    assert type(model.weights) is TensorFlowTensor
    assert Model().weights.numpy().tolist() == Model().variable.numpy().tolist() == [0, 0]
