"""What our gRPC client and server agree on.

Each function ``embed`` of a service is two methods. Their messages are arrays of documents, as a format
writes them: DocListProto (of stacked arrays DocVecProto) unless the metadata ``docarray-wire`` says
otherwise::

    /docarray.DocumentService/embed          unary: one array, one answer
    /docarray.DocumentService/embed_stream   any number of arrays in both directions

A refusal has what docarray's errors have as JSON in the trailing metadata ``docarray-error-bin``.

Streams are bounded by messages, not only by HTTP/2's count of bytes, which lets thousands of small
messages run ahead of a slow reader. A client that sends the metadata ``docarray-window: n`` agrees that
either side has at most n messages on the way that the other has not acknowledged. Two messages of one
byte, which is no message of any format, then stand between the arrays: ACKNOWLEDGED in both directions,
and from the client ENDED behind its last array, where without a window it would close its side of the
stream.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from docarray.errors import RemoteError, RemoteTimeoutError
from docarray.serve.faults import Fault, cut

__all__ = ['ACKNOWLEDGED', 'ENDED', 'WINDOW', 'fault_metadata', 'method_path', 'remote_error', 'size_options']

ACKNOWLEDGED, ENDED = b'\x06', b'\x04'

WIRE_KEY, WINDOW_KEY, ERROR_KEY = 'docarray-wire', 'docarray-window', 'docarray-error-bin'

#: How many messages may be on the way unless a client says otherwise.
WINDOW = 4

#: How large a message may be, and how many documents it may have, unless a server or client says otherwise.
MESSAGE_BYTES, MESSAGE_DOCUMENTS = 64 << 20, 1 << 20

#: The status and error of gRPC travel in headers, of which there may be 8 KiB.
_FAULT_BYTES = 3000


def method_path(service: str, name: str, stream: bool) -> str:
    """Return the path of a method.

    Example:
        >>> method_path('docarray.DocumentService', 'embed', True)
        '/docarray.DocumentService/embed_stream'
    """
    return f'/{service}/{name}_stream' if stream else f'/{service}/{name}'


def size_options(most: int, options: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the options of a channel or server: the user's, and how large a message that it receives may be.

    What it sends is measured before, for an error that says what to do.
    """
    given = {'grpc.max_receive_message_length': most, 'grpc.max_send_message_length': -1, **dict(options)}
    return list(given.items())


def fault_metadata(fault: Fault) -> tuple[tuple[str, bytes], ...]:
    """Return the trailing metadata that tells a client of an error."""
    about = {**fault.about, 'text': fault.text}
    size, data = 1000, b''
    while size == 1000 or len(data) > _FAULT_BYTES:
        data = json.dumps({key: cut(part, size) for key, part in about.items()}).encode()
        size //= 2
    return ((ERROR_KEY, data),)


def remote_error(status: str, details: str, metadata: Mapping[str, Any], where: str) -> RemoteError:
    """Return the error to raise for a call that failed.

    Args:
        status: The status of gRPC, such as 'INVALID_ARGUMENT'.
        details: What gRPC or the server says.
        metadata: The trailing metadata.
        where: The method and the address.

    Example:
        >>> remote_error('UNAVAILABLE', 'no such host', {}, 'embed at nowhere:1')
        RemoteError('embed at nowhere:1: UNAVAILABLE: no such host')
    """
    about = _about(metadata.get(ERROR_KEY))
    text = about.pop('text', details)
    late = status == 'DEADLINE_EXCEEDED'
    error = (RemoteTimeoutError if late else RemoteError)(f'{where}: {status}: {text}', **about)
    error.status = status
    return error


def _about(data: Any) -> dict[str, str]:
    """Read what ``fault_metadata`` wrote, if it is that."""
    try:
        found = json.loads(data)
        return {key: str(found[key]) for key in ('where', 'got', 'wanted', 'hint', 'text') if key in found}
    except (TypeError, ValueError):
        return {}
