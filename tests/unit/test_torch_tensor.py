"""TorchTensor: a torch subclass that behaves as its tensor does, in graphs, compilers, copies and loaders."""

import copy
import io
import pickle
from typing import Annotated, Any

import cloudpickle
import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

torch = pytest.importorskip('torch')

from docarray.errors import DtypeError, TensorError  # noqa: E402
from docarray.typing import AnyTensor, ImageTorchTensor, NdArray, Shape, TorchEmbedding, TorchTensor  # noqa: E402


def test_the_callers_tensor_is_left_alone() -> None:
    given = torch.zeros(2, 3)
    made = TypeAdapter(TorchTensor[2, 3]).validate_python(given)
    assert type(made) is TorchTensor
    assert type(given) is torch.Tensor
    assert made.data_ptr() == given.data_ptr()
    assert TypeAdapter(TorchTensor).validate_python(made) is made
    assert type(TypeAdapter(ImageTorchTensor).validate_python(made)) is ImageTorchTensor
    assert type(made) is TorchTensor


def test_gradients_reach_the_callers_parameter() -> None:
    weights = torch.nn.Parameter(torch.ones(3))
    made = TorchTensor[3](weights)
    assert type(weights) is torch.nn.Parameter
    (made * made).sum().backward()
    assert weights.grad.tolist() == [2.0, 2.0, 2.0]
    assert TypeAdapter(AnyTensor).validate_python(weights).requires_grad


@pytest.mark.parametrize(
    ('value', 'dtype'),
    [
        ([1, 2], torch.int64),
        ([1.0, 2], torch.float32),
        ([True, False], torch.bool),
        ('[1, 2]', torch.int64),
        (np.zeros(2), torch.float64),
        (np.zeros(2, np.uint8), torch.uint8),
        (NdArray([1, 2]), torch.int64),
        ([1j, 2], torch.complex64),
        ([torch.tensor(1.0), torch.tensor(2.0)], torch.float32),
        ({'dtype': 'float16', 'shape': [2], 'data': 'ADwAQA=='}, torch.float16),
        (torch.zeros(2, dtype=torch.bfloat16), torch.bfloat16),
    ],
)
def test_dtypes_are_torchs_own(value: Any, dtype: Any) -> None:
    made = TypeAdapter(TorchTensor[2]).validate_python(value)
    assert type(made) is TorchTensor
    assert made.dtype == dtype


def test_the_default_dtype_is_asked_for_each_time() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert TorchTensor([1.0]).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_declared_dtypes() -> None:
    assert TorchTensor[2, torch.uint8] is TorchTensor[2, 'uint8']
    assert TorchTensor[2, 'bfloat16']([1, 2]).dtype == torch.bfloat16
    with pytest.raises(TensorError):
        TorchTensor['uint8']([300])
    with pytest.raises(DtypeError) as caught:
        TorchTensor[2, 'uint8'](torch.zeros(2))
    assert str(caught.value) == 'got dtype float32, wanted uint8. Convert it first: value.to(torch.uint8).'


def test_numpy_memory_is_shared() -> None:
    given = np.zeros(3)
    made = TorchTensor(given)
    made[0] = 7
    assert given[0] == 7


@pytest.mark.parametrize(
    'value', [1, 2.5, None, 'a', ['a'], [[1], [2, 3]], b'x', object(), torch.zeros(2), torch.dtype]
)
def test_what_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(TorchTensor[3]).validate_python(value)
    assert caught.value.error_count() == 1


def test_sizes_make_no_tensor() -> None:
    with pytest.raises(TypeError):
        TorchTensor(2, 3)  # type: ignore[call-arg]
    with pytest.raises(TensorError):
        TorchTensor(3)


def test_results_of_operations_are_plain() -> None:
    made = TorchTensor(torch.ones(4, 4))
    results = [
        made + 1,
        1 + made,
        made[0],
        made.sum(),
        made @ made,
        torch.stack([made]),
        made.T,
        made.clone(),
    ]
    results += [
        torch.nn.Linear(4, 2)(made),
        torch.cat([made, made]),
        made.to(torch.float64),
        made.reshape(-1),
    ]
    assert {type(result) for result in results} == {torch.Tensor}
    assert type(made.unwrap()) is torch.Tensor
    assert made.unwrap().data_ptr() == made.data_ptr()
    made += 1
    assert type(made) is TorchTensor
    made[0, 0] = 9
    assert made.unwrap()[0, 0] == 9


@pytest.mark.parametrize('cls', [TorchTensor, ImageTorchTensor, TorchEmbedding])
def test_copies_keep_the_class(cls: Any) -> None:
    made = cls(torch.arange(3.0))
    made.note = ['kept']
    file = io.BytesIO()
    torch.save(made, file)
    file.seek(0)
    copies = [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))]
    copies += [cloudpickle.loads(cloudpickle.dumps(made)), torch.load(file, weights_only=False)]
    for other in copies:
        assert type(other) is cls
        assert other.tolist() == [0.0, 1.0, 2.0]
        assert other.note == ['kept']
    assert copy.deepcopy(made).data_ptr() != made.data_ptr()
    pair = copy.deepcopy([made, made])
    assert pair[0] is pair[1]


def test_deepcopy_keeps_leaves_and_graphs() -> None:
    leaf = TorchTensor(torch.ones(2)).requires_grad_()
    copied = copy.deepcopy(leaf)
    assert copied.is_leaf
    assert copied.requires_grad
    weights = torch.ones(2, requires_grad=True)
    inner = copy.deepcopy(TorchTensor(weights * 2))
    assert type(inner) is TorchTensor
    inner.sum().backward()
    assert weights.grad.tolist() == [2.0, 2.0]


def test_deep_copies_of_documents() -> None:
    class Page(BaseModel):
        tensor: TorchTensor

    page = Page(tensor=torch.nn.Parameter(torch.ones(2)))
    again = page.model_copy(deep=True)
    assert type(again.tensor) is TorchTensor
    assert again.tensor.tolist() == [1.0, 1.0]


def test_writing_in_place() -> None:
    given = torch.zeros(3)
    made = TorchTensor(given)
    made.add_(1).mul_(2)
    made[0] = 7
    made.copy_(made + 1)
    torch.add(given, 1, out=made)
    assert given.tolist() == made.tolist() == [9.0, 4.0, 4.0]
    assert type(made) is TorchTensor
    assert made.to('cpu') is made


def test_dlpack_shares_memory() -> None:
    made = TorchTensor(torch.zeros(2))
    torch.from_dlpack(made)[0] = 1
    np.from_dlpack(made)[1] = 2
    assert made.tolist() == [1.0, 2.0]


def test_formats_are_torchs_own() -> None:
    assert f'{TorchTensor(torch.tensor(1.5)):.3f}' == f'{torch.tensor(1.5):.3f}' == '1.500'
    assert f'{TorchTensor(torch.ones(2))}' == 'TorchTensor([1., 1.])'
    with pytest.raises(TypeError):
        f'{TorchTensor(torch.ones(2)):.3f}'


def test_json() -> None:
    half = TorchTensor[2, 'bfloat16']

    class Page(BaseModel):
        tensor: half  # type: ignore[valid-type]

    page = Page(tensor=torch.tensor([1.5, float('nan')], dtype=torch.bfloat16, requires_grad=True))
    assert page.model_dump_json() == '{"tensor":[1.5,"NaN"]}'
    for text in (page.model_dump_json(), page.model_dump_json(context={'tensors': 'base64'})):
        again = Page.model_validate_json(text).tensor
        assert type(again) is TorchTensor
        assert again.dtype == torch.bfloat16
        assert again[0] == 1.5


def test_annotated() -> None:
    class Page(BaseModel):
        image: Annotated[torch.Tensor, Shape(3, 'h', 'w', dtype='uint8')]

    page = Page(image=torch.zeros(3, 4, 5, dtype=torch.uint8))
    assert type(page.image) is TorchTensor
    assert isinstance(page.image, TorchTensor[3, 4, 5, 'uint8'])
    assert not isinstance(page.image, TorchTensor[3, 'x', 'x'])
    assert Shape(3).tensor_class(torch.Tensor) is TorchTensor[3]
    assert Shape(3).tensor_class(torch.nn.Parameter) is TorchTensor[3]


def test_isinstance() -> None:
    made = ImageTorchTensor(torch.zeros(2, 3))
    assert isinstance(made, torch.Tensor)
    assert isinstance(made, TorchTensor['a', 'b', torch.float32])
    assert not isinstance(made, TorchTensor['a', 'a'])
    assert not isinstance(made, torch.nn.Parameter)
    assert not isinstance(torch.zeros(2, 3), TorchTensor)
    assert pickle.loads(pickle.dumps(TorchTensor['a', 3])) is TorchTensor['a', 3]


def test_reshaping_warns() -> None:
    with pytest.warns(UserWarning, match='reshaped'):
        assert TorchTensor[2, 3](torch.zeros(6)).shape == (2, 3)
    with pytest.raises(ValidationError, match='channels-last'):
        TypeAdapter(TorchTensor[3, 4, 5]).validate_python(torch.zeros(4, 5, 3))


def test_a_subclass_of_your_own() -> None:
    class Mask(TorchTensor):
        pass

    made = TypeAdapter(Mask[2]).validate_python([1, 0])
    assert type(made) is Mask
    assert type(copy.deepcopy(made)) is Mask
    assert type(Mask.__docarray_codec__().unpack(torch.zeros(2))) is Mask
