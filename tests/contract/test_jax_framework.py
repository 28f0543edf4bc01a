"""The jax adapter keeps the contract of frameworks."""

from __future__ import annotations

import pytest

from docarray.frameworks import get_framework
from docarray.testing import FrameworkContract

pytest.importorskip('jax')


class TestJaxFramework(FrameworkContract):
    framework = get_framework('jax')
