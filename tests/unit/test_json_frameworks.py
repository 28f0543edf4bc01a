"""Tensors of other frameworks in JSON: what comes back, and what has no values to write."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import TensorError
from docarray.typing import AnyTensor, ImageTensor, NdArray


class Page(BaseDocument):
    tensor: AnyTensor
    image: ImageTensor[2] | None = None


class Exact(Page, tensors='base64'):
    pass


class Book(BaseDocument):
    pages: DocumentArray[Page] = []
    columns: DocumentArrayStacked[Page] | None = None
    free: Any = None


def ones(framework: str, *shape: int) -> Any:
    module = pytest.importorskip('jax.numpy' if framework == 'jax' else framework)
    return module.ones(shape)


@pytest.fixture(params=['numpy', 'torch', 'tensorflow', 'jax'])
def framework(request: Any) -> str:
    name: str = request.param
    pytest.importorskip(name)
    return name


def test_base64_keeps_the_framework(framework: str) -> None:
    page = Exact(tensor=ones(framework, 2, 3), image=ones(framework, 2))
    back = Exact.from_json(page.to_json())
    assert back == page
    assert type(back.tensor) is type(page.tensor)
    assert type(back.image) is type(page.image)
    form = json.loads(page.to_json())['tensor']
    assert form.pop('framework', 'numpy') == framework
    assert form.keys() == {'dtype', 'shape', 'data'}
    plain = Page.from_json(Page(tensor=page.tensor).to_json(tensors='base64'))
    assert type(plain.tensor) is type(page.tensor)
    rows = DocumentArray[Exact]([page, page])
    assert type(DocumentArray[Exact].from_json(rows.to_json())[1].tensor) is type(page.tensor)


def test_lists_become_numpy_and_are_equal(framework: str) -> None:
    page = Page(tensor=ones(framework, 2, 3))
    back = Page.from_json(page.to_json())
    assert type(back.tensor) is NdArray
    assert back == page
    assert page == back
    assert back != Page(tensor=ones(framework, 3, 2))
    assert Page(tensor=np.zeros((2, 3))) != page
    stacked = DocumentArray[Page]([page]).stack()
    assert DocumentArray[Page]([back]).stack() == stacked


@pytest.mark.parametrize('shape', [(), (0, 3)])
def test_what_lists_cannot_say_keeps_the_framework(framework: str, shape: Any) -> None:
    page = Page(tensor=ones(framework, *shape))
    back = Page.from_json(page.to_json())
    assert type(back.tensor) is type(page.tensor)
    assert back == page


def test_the_class_goes_before_what_the_text_says(framework: str) -> None:
    class Plain(BaseDocument):
        tensor: NdArray

    text = Exact(tensor=ones(framework, 2)).to_json()
    assert type(Plain.from_json(text).tensor) is NdArray


@pytest.mark.parametrize('name', ['nothing', 'os', '', None, 5, ['torch']])
def test_other_frameworks_are_numpy(name: Any) -> None:
    form = {'dtype': 'uint8', 'shape': [1], 'data': 'AQ==', 'framework': name}
    assert type(Page(tensor=form).tensor) is NdArray


def test_a_text_imports_no_framework() -> None:
    code = """
import sys
from docarray import BaseDocument
from docarray.typing import AnyTensor
class Page(BaseDocument):
    tensor: AnyTensor
for name in ('torch', 'tensorflow', 'jax'):
    form = '{"dtype": "uint8", "shape": [1], "data": "AQ==", "framework": "%s"}' % name
    assert type(Page.from_json('{"tensor": ' + form + '}').tensor).__name__ == 'NdArray'
    assert name not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('tensors', ['list', 'base64'])
@pytest.mark.parametrize(
    ('make', 'where'),
    [
        (lambda page: page, 'Page.tensor'),
        (lambda page: DocumentArray[Page]([Page(tensor=[1]), page]), 'Page.tensor'),
        (lambda page: Book(pages=[Page(tensor=[1]), page]), 'Book.pages.1.tensor'),
        (lambda page: Book(columns=[page]), 'Book.columns.0.tensor'),
        (lambda page: Book(free={'a': (page.tensor,)}), 'Book.free.a.0'),
    ],
)
def test_a_tensor_without_values_is_named(make: Any, where: str, tensors: Any) -> None:
    torch = pytest.importorskip('torch')
    with pytest.raises(TensorError, match=f'^{where}: got .*meta.*wanted a tensor whose values') as caught:
        make(Page(tensor=torch.zeros(2, device='meta'))).to_json(tensors=tensors)
    assert caught.value.__cause__ is not None
