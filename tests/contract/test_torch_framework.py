"""The torch adapter keeps the contract of frameworks."""

from __future__ import annotations

import pytest

from docarray.frameworks import get_framework
from docarray.testing import FrameworkContract

torch = pytest.importorskip('torch')


class TestTorchFramework(FrameworkContract):
    framework = get_framework('torch')
    mutable = True
    # torch has unsigned integers of more than 8 bits since 2.3
    dtypes = tuple(name for name in FrameworkContract.dtypes if hasattr(torch, name))
