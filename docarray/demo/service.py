"""The trained towers as a web service: documents in, documents out, and a client that asks it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docarray import DocumentArray, DocumentArrayStacked
from docarray._lazy import load
from docarray.demo.digits import Caption, Digit
from docarray.demo.towers import Towers, captions_of, embed_captions, embed_digits, images_of


def make_app(
    towers: Towers, digits: DocumentArrayStacked[Digit], captions: DocumentArrayStacked[Caption]
) -> Any:
    """Return a FastAPI application that searches images by caption and captions by image."""
    app = load('fastapi').FastAPI(title='Handwritten digits')

    @app.post('/images')
    def images(query: Caption, limit: int = 10) -> DocumentArray[Digit]:
        """Return the images nearest to a caption."""
        asked = embed_captions(towers, DocumentArray[Caption]([query]))
        return images_of(asked, digits, limit)[0]

    @app.post('/caption')
    def caption(image: Digit) -> Caption:
        """Return the caption nearest to an image."""
        asked = embed_digits(towers, DocumentArray[Digit]([image]))
        return captions_of(asked, captions)[0]

    return app


@contextmanager
def serving(app: Any, seconds: float = 10.0) -> Iterator[str]:
    """Serve an application on a free port of this machine; yield its address; stop at the end.

    Raises:
        TimeoutError: The server has not come up within ``seconds``.
    """
    uvicorn = load('uvicorn')
    server = uvicorn.Server(uvicorn.Config(app, host='127.0.0.1', port=0, log_level='warning'))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        end = time.monotonic() + seconds
        while not server.started:
            if time.monotonic() > end or not thread.is_alive():
                raise TimeoutError(f'no server after {seconds} seconds')
            time.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f'http://127.0.0.1:{port}'
    finally:
        server.should_exit = True
        thread.join(seconds)


def ask(address: str, caption: Caption, image: Digit) -> tuple[DocumentArray[Digit], Caption]:
    """Ask a running service for the images of a caption and the caption of an image, over HTTP."""
    httpx = load('httpx')
    with httpx.Client(base_url=address, timeout=30) as client:
        headers = {'content-type': 'application/json'}
        images = client.post('/images', content=caption.to_json(), headers=headers).raise_for_status()
        text = client.post('/caption', content=image.to_json(), headers=headers).raise_for_status()
    return DocumentArray[Digit].from_json(images.content), Caption.from_json(text.content)
