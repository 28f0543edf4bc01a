"""The file store keeps the contract of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from docarray.testing import StoreContract

pytest.importorskip('pyarrow')


class TestFileStore(StoreContract):
    @pytest.fixture
    def base(self, tmp_path: Path) -> str:
        return f'file://{tmp_path}'
