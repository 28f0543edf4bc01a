"""``tensor_type``: what fields that take tensors of any framework are read as."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.typing import AnyTensor, NdArray, TorchTensor

pytest.importorskip('torch')


class Page(BaseDocument):
    free: AnyTensor
    maybe: AnyTensor | None = None
    declared: NdArray


def pages() -> DocumentArray[Page]:
    rows = [Page(free=np.full(2, n, 'f4'), declared=np.ones(n + 1)) for n in range(3)]
    rows[1].maybe = np.arange(3)
    return DocumentArray[Page](rows)


def check(found: Any) -> None:
    for page, other in zip(found, pages(), strict=True):
        assert isinstance(page.free, TorchTensor)
        assert np.array_equal(page.free.numpy(), other.free)
        assert isinstance(page.declared, np.ndarray)
        assert page.maybe is None if other.maybe is None else isinstance(page.maybe, TorchTensor)


@pytest.mark.parametrize('protocol', ['protobuf', 'protobuf-array', 'json', 'arrow', 'parquet'])
def test_of_bytes_and_files(protocol: str) -> None:
    if protocol in ('arrow', 'parquet'):
        pytest.importorskip('pyarrow')
    array, file = pages(), io.BytesIO()
    array.save_binary(file, protocol)
    for cls in (DocumentArray[Page], DocumentArrayStacked[Page]):
        check(cls.from_bytes(array.to_bytes(protocol), protocol, tensor_type=TorchTensor)[:])
    for streaming in (False, True):
        file.seek(0)
        found: Any = DocumentArray[Page].load_binary(
            file, protocol, streaming=streaming, tensor_type=TorchTensor
        )
        check(list(found))
    assert all(isinstance(page.free, np.ndarray) for page in array)


def test_of_messages_and_frames() -> None:
    check(DocumentArray[Page].from_protobuf(pages().to_protobuf(), tensor_type=TorchTensor))
    pytest.importorskip('pandas')
    check(DocumentArray[Page].from_dataframe(pages().to_dataframe(), tensor_type=TorchTensor))
