"""What the demo shows: how good retrieval is on the held-out images, as figures, a table and a page."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docarray import DocumentArray, DocumentArrayStacked
from docarray._lazy import load
from docarray.demo.digits import WORDS, Caption, Digit
from docarray.media.image import thumbnail


@dataclass(frozen=True)
class Quality:
    """Retrieval on the held-out images.

    Attributes:
        found: For each digit's caption, the images found for it, nearest first.
        precision: For each digit, the share of them that show it.
        right: For each digit, the share of its images whose nearest caption is the right one.
        counts: How many held-out images of each digit there are.
    """

    found: list[DocumentArray[Digit]]
    precision: list[float]
    right: list[float]
    counts: list[int]

    @property
    def text_to_image(self) -> float:
        """The share of all images found that show the digit of the caption."""
        return sum(self.precision) / len(self.precision)

    @property
    def image_to_text(self) -> float:
        """The share of all held-out images whose nearest caption is the right one."""
        return sum(share * n for share, n in zip(self.right, self.counts, strict=True)) / sum(self.counts)


def measure(
    found: list[DocumentArray[Digit]],
    best: list[Caption],
    captions: list[str],
    digits: DocumentArrayStacked[Digit],
) -> Quality:
    """Compare what was found with what the images show.

    Args:
        found: The images found for each digit's caption.
        best: The caption found for each held-out image.
        captions: The caption of each digit.
        digits: The held-out images.
    """
    truth = list(digits.digit)
    hits = [caption.text == captions[digit] for caption, digit in zip(best, truth, strict=True)]
    counts = [truth.count(digit) for digit in range(10)]
    right = [
        sum(hit for hit, actual in zip(hits, truth, strict=True) if actual == digit) / counts[digit]
        for digit in range(10)
    ]
    precision = [
        sum(one.digit == digit for one in images) / len(images) for digit, images in enumerate(found)
    ]
    return Quality(found, precision, right, counts)


def table(quality: Quality) -> Any:
    """Return the figures as a table for the terminal."""
    made = load('rich.table').Table(title='Retrieval on the held-out images', title_justify='left')
    made.add_column('digit')
    made.add_column('images', justify='right')
    made.add_column('text to image: of 10 found', justify='right')
    made.add_column('image to text: right first time', justify='right')
    for digit, word in enumerate(WORDS):
        figures = (quality.counts[digit], f'{quality.precision[digit]:.0%}', f'{quality.right[digit]:.1%}')
        made.add_row(word, *map(str, figures))
    made.add_section()
    made.add_row(
        'all', str(sum(quality.counts)), f'{quality.text_to_image:.1%}', f'{quality.image_to_text:.1%}'
    )
    return made


_STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; color: #222; }
table { border-collapse: collapse; } td, th { padding: .3rem .6rem; text-align: left; }
td.pictures { white-space: nowrap; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { image-rendering: pixelated; width: 48px; height: 48px; border: 3px solid #2a9d4a; border-radius: 4px; }
img.wrong { border-color: #d1352b; } tr + tr { border-top: 1px solid #ddd; }
"""


def page(quality: Quality, captions: list[str], seed: int) -> str:
    """Return a page that needs no other file: for each caption the pictures found for it."""
    rows = ''.join(
        f'<tr><td>{html.escape(captions[digit])}</td>'
        f'<td class="pictures">{"".join(_picture(one, digit) for one in images)}</td>'
        f'<td class="number">{quality.precision[digit]:.0%}</td>'
        f'<td class="number">{quality.right[digit]:.1%}</td></tr>'
        for digit, images in enumerate(quality.found)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>docarray demo</title>'
        f'<style>{_STYLE}</style><h1>Handwritten digits, found by text</h1>'
        f'<p>{sum(quality.counts)} images that training did not see; seed {seed}. '
        f'Of the ten images found for each caption {quality.text_to_image:.1%} show its digit; '
        f'{quality.image_to_text:.1%} of the images find their own caption first. '
        'A red frame marks a picture of another digit.</p>'
        '<table><tr><th>caption</th><th>nearest images</th><th>right</th><th>image to text</th></tr>'
        f'{rows}</table></html>'
    )


def _picture(digit: Digit, wanted: int) -> str:
    pixels = (digit.image.squeeze(0) * 255).round().byte().numpy()
    data = base64.b64encode(thumbnail(pixels, 64)).decode()
    kind = '' if digit.digit == wanted else ' class="wrong"'
    return f'<img{kind} alt="{digit.digit}" title="{digit.digit}" src="data:image/png;base64,{data}">'


def write_page(path: Path, text: str) -> None:
    """Write the page, whole or not at all."""
    unfinished = path.with_name(path.name + '.part')
    unfinished.write_text(text, encoding='utf-8')
    unfinished.replace(path)
