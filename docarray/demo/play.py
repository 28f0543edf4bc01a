"""Plays the demo: make documents, keep them in a store, train, embed, search, serve, show."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from docarray._lazy import load
from docarray.demo.digits import captions as make_captions
from docarray.demo.digits import load_digits
from docarray.demo.report import Quality, measure, page, table, write_page
from docarray.demo.service import ask, make_app, serving
from docarray.demo.storage import keep
from docarray.demo.towers import captions_of, embed_captions, embed_digits, images_of, train


def run(
    *, seed: int = 0, epochs: int = 8, workers: int = 2, out: str = 'docarray-demo.html', console: Any = None
) -> Quality:
    """Run the main job and show each step.

    Args:
        seed: Decides split, captions, model and order of training: equal seeds, equal figures.
        epochs: How often training goes through the images.
        workers: Processes that prepare batches; 0 does it in this one.
        out: The file to write the page of pictures to.
        console: A ``rich.console.Console``; by default that of the terminal.

    Returns:
        The figures that were shown.
    """
    console = console or load('rich.console').Console()
    started = time.perf_counter()
    training, held_out = load_digits(seed)
    console.print(f'{len(training)} documents to train on, {len(held_out)} held out; one of them:')
    console.print(training[0])
    batches = epochs * -(-len(training) // 64)
    with tempfile.TemporaryDirectory(prefix='docarray-demo-') as folder:
        stored, line = keep(training, f'file://{folder}/training', seed)
        console.print(line)
        with load('rich.progress').Progress(console=console) as progress:
            task = progress.add_task('training', total=batches)
            towers = train(
                stored,
                epochs=epochs,
                workers=workers,
                seed=seed,
                on_batch=lambda loss: progress.update(
                    task, advance=1, description=f'training, loss {loss:.3f}'
                ),
            )
        stored.close()
    digits = embed_digits(towers, held_out)
    captions = embed_captions(towers, make_captions())
    texts = list(captions.text)
    quality = measure(images_of(captions, digits), captions_of(digits, captions), texts, digits)
    console.print(table(quality))
    with serving(make_app(towers, digits, captions)) as address:
        images, caption = ask(address, make_captions()[7], held_out[0])
        console.print(
            f'Asked {address} for "{texts[7]}": images of {", ".join(str(one.digit) for one in images)}'
        )
        console.print(f'Asked it for the caption of an image of {held_out[0].digit}: "{caption.text}"')
    write_page(Path(out), page(quality, texts, seed))
    console.print(f'The pictures are in {out}. All of it took {time.perf_counter() - started:.0f} seconds.')
    return quality
