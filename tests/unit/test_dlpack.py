"""Tensors and tensor columns by DLPack: their memory is shared with any framework that asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.typing import NdArray


class Doc(BaseDocument):
    vector: NdArray[3, np.float32]


def stacked() -> Any:
    return DocumentArray[Doc](Doc(vector=np.full(3, i, np.float32)) for i in range(4)).stack()


def test_numpy_columns_and_rows_share_their_memory_with_torch() -> None:
    torch = pytest.importorskip('torch')
    columns = stacked()
    for tensor in (columns.vector, columns[1].vector, columns[1:3].vector):
        shared = torch.from_dlpack(tensor)
        assert shared.data_ptr() == tensor.ctypes.data
        assert shared.tolist() == tensor.tolist()
    torch.from_dlpack(columns.vector)[0, 0] = 7
    assert columns[0].vector[0] == 7


def test_read_only_columns() -> None:
    """Memory of a file cannot be written to; a consumer that cannot know gets a copy."""
    pytest.importorskip('pyarrow')
    torch = pytest.importorskip('torch')
    columns = DocumentArrayStacked[Doc].from_arrow(stacked().to_arrow())
    assert not columns.vector.flags.writeable
    assert np.from_dlpack(columns.vector).tolist() == columns.vector.tolist()
    assert torch.from_dlpack(columns.vector).tolist() == columns.vector.tolist()
    old = torch.utils.dlpack.from_dlpack(columns.vector.__dlpack__())  # as DLPack was before 1.0
    old[0, 0] = 9
    assert columns.vector[0, 0] == 0


def test_a_copy_that_is_not_wanted_is_refused() -> None:
    if np.lib.NumpyVersion(np.__version__) < '2.1.0':
        pytest.skip('DLPack has no copy argument there')
    array = np.zeros(3)
    array.flags.writeable = False
    with pytest.raises(BufferError):
        NdArray(array).__dlpack__(copy=False)


def test_torch_columns() -> None:
    torch = pytest.importorskip('torch')
    from docarray.typing import TorchTensor

    class Torch(BaseDocument):
        vector: TorchTensor[3]

    columns = DocumentArray[Torch](Torch(vector=torch.ones(3)) for _ in range(2)).stack()
    array = np.from_dlpack(columns.vector)
    assert array.ctypes.data == columns.vector.data_ptr()
    assert array.shape == (2, 3)


def test_jax_columns() -> None:
    jax = pytest.importorskip('jax')
    from docarray.typing import JaxArray

    class Jax(BaseDocument):
        vector: JaxArray[3]

    columns = DocumentArray[Jax](Jax(vector=jax.numpy.ones(3)) for _ in range(2)).stack()
    array = np.from_dlpack(columns.vector)
    assert array.ctypes.data == columns.vector.tensor.unsafe_buffer_pointer()
    assert columns.vector.__dlpack_device__()[0] == 1
    assert jax.dlpack.from_dlpack(stacked().vector).shape == (4, 3)


def test_tensorflow_columns() -> None:
    tf = pytest.importorskip('tensorflow')
    from docarray.typing import TensorFlowTensor

    class Flow(BaseDocument):
        vector: TensorFlowTensor[3]

    columns = DocumentArray[Flow](Flow(vector=tf.ones(3)) for _ in range(2)).stack()
    array = np.from_dlpack(columns.vector)
    assert array.shape == (2, 3)
    assert array.ctypes.data == np.asarray(memoryview(columns.vector.tensor)).ctypes.data
    assert tf.experimental.dlpack.from_dlpack(columns.vector.__dlpack__()).shape == (2, 3)
