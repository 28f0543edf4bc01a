"""Import of optional packages, on first need, with an error that names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from docarray.errors import MissingExtraError

#: Which extra brings which top-level module. A test compares this table with pyproject.toml.
EXTRAS: dict[str, str] = {
    'torch': 'torch',
    'tensorflow': 'tensorflow',
    'jax': 'jax',
    'PIL': 'image',
    'fastapi': 'web',
    'uvicorn': 'web',
    'httpx': 'web',
    'google.protobuf': 'proto',
    'pyarrow': 'arrow',
    'pandas': 'pandas',
    'polars': 'polars',
    'grpc': 'grpc',
    'lz4': 'compress',
    'backports': 'compress',
    'fsspec': 'cloud',
    'obstore': 's3',
    'boto3': 's3',
    'lance': 'lance',
    'rich': 'display',
    'sklearn': 'demo',
}


def load(module: str) -> ModuleType:
    """Import an optional module, or raise MissingExtraError with the line to type.

    Args:
        module: The dotted name, such as ``'PIL.Image'``.

    Returns:
        The imported module.

    Raises:
        MissingExtraError: The package that holds it is not installed.

    Example:
        >>> load('json').__name__
        'json'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = error.name or module
        extra = next((EXTRAS[key] for key in (module, module.split('.')[0]) if key in EXTRAS), None)
        if extra is None or not (module == top or module.startswith(top + '.')):
            raise  # a broken installation of that package, not a missing extra
        missing = MissingExtraError(
            where=module,
            got=f'no package {top!r} in this environment',
            wanted='it installed',
            hint=f"Install it with: pip install 'docarray[{extra}]'",
        )
        missing.extra = extra
        raise missing from error
