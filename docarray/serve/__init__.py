"""Functions on documents as services: over gRPC, and over HTTP as a router of FastAPI.

One annotated function is enough: ``def embed(docs: DocumentArray[Text]) -> DocumentArray[Text]``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from docarray.serve.service import Endpoint, Service, Side

if TYPE_CHECKING:
    from docarray.serve.grpc_client import Client
    from docarray.serve.grpc_server import GrpcServer, serve_grpc
    from docarray.serve.http import router

__all__ = ['Client', 'Endpoint', 'GrpcServer', 'Service', 'Side', 'router', 'serve_grpc']

#: What needs an extra, and where it is.
_LAZY = {
    'Client': 'docarray.serve.grpc_client',
    'GrpcServer': 'docarray.serve.grpc_server',
    'router': 'docarray.serve.http',
    'serve_grpc': 'docarray.serve.grpc_server',
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(_LAZY[name]), name)
