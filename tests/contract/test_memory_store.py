"""The store in this process's memory keeps the contract of stores."""

from __future__ import annotations

import uuid

import pytest

from docarray.testing import StoreContract

pytest.importorskip('pyarrow')
pytest.importorskip('obstore')


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def base(self) -> str:
        return f'memory://{uuid.uuid4().hex}'
