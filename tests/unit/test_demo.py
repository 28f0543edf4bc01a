"""The main job as a user runs it: figures above the bars, the same on every run, a page that stands alone."""

import re
import time

import pytest

for _package in ('pyarrow', 'torch', 'sklearn', 'fastapi', 'uvicorn', 'httpx', 'rich', 'PIL'):
    pytest.importorskip(_package)


@pytest.fixture(scope='module')
def played(tmp_path_factory):
    import io

    from rich.console import Console

    from docarray.demo import run

    out, shown = tmp_path_factory.mktemp('demo') / 'page.html', io.StringIO()
    started = time.monotonic()
    quality = run(out=str(out), console=Console(file=shown, width=100))
    return quality, out.read_text(), shown.getvalue(), time.monotonic() - started


def test_retrieval_is_above_the_bars(played):
    quality, *_ = played
    assert quality.text_to_image >= 0.95
    assert quality.image_to_text >= 0.95
    assert sum(quality.counts) == 360


def test_it_takes_less_than_90_seconds(played):
    assert played[3] < 90


def test_the_terminal_shows_each_step(played):
    text = played[2]
    for part in (
        '1437 documents',
        'Kept in file://',
        'at random are read in',
        'training, loss',
        'Retrieval',
        'seven',
        'http://127.0.0.1:',
    ):
        assert part in text
    assert re.search(r'images of 7, 7, 7', text)


def test_the_page_stands_alone(played):
    page = played[1]
    assert page.count('src="data:image/png;base64,') == 100
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert '<script' not in page


def test_the_same_seed_gives_the_same_figures():
    from docarray.demo.digits import captions, load_digits
    from docarray.demo.towers import embed_captions, embed_digits, train

    def play(workers):
        training, held_out = load_digits(seed=3)
        towers = train(training[:256], epochs=1, workers=workers, seed=3)
        return embed_digits(towers, held_out).embedding, embed_captions(towers, captions()).embedding

    (images, texts), (images_again, texts_again) = play(workers=2), play(workers=2)
    assert images.equal(images_again)
    assert texts.equal(texts_again)


def test_the_command_line():
    from docarray.cli import main

    assert main([]) == 2
    with pytest.raises(SystemExit) as stopped:
        main(['--version'])
    assert stopped.value.code == 0
