"""The numpy adapter keeps the contract of frameworks."""

from __future__ import annotations

from docarray.frameworks.numpy import NumpyFramework
from docarray.testing import FrameworkContract


class TestNumpyFramework(FrameworkContract):
    framework = NumpyFramework()
    mutable = True
