"""Replace the site's pictures by PNG, for readers without Chinese fonts: `… pictures FOLDER`.

The SVG of a screen takes its letters from the fonts of whoever looks at it. Where this machine has
no Chinese font of fixed width, they stay as they are.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which

import cairosvg

_WIDTH = 1600
"""Pixels; a page shows a picture in about half of them."""

_FAMILY = "Fira Code, monospace"
_SOURCE = re.compile(r'(<img[^>]* src="[^"]*)\.svg"')
_LINES = re.compile(
    r'<text ([^>]*)x="([\d.]+)"([^>]*) textLength="([\d.]+)"([^>]*)>((?:[─-⣿]|&#160;)+)</text>'
)
"""A text of lines or braille, which Chinese fonts lack."""

_LINES_FAMILY = "DejaVu Sans"
"""A font that has them."""


def chinese_family() -> str | None:
    """Return a Chinese font of fixed width; None where that, or one for lines, is not here."""
    if which("fc-match") is None:
        return None
    family, *languages = _nearest("monospace:lang=zh-cn")
    has_lines = _nearest(_LINES_FAMILY)[0] == _LINES_FAMILY
    return family if "zh-cn" in languages and has_lines else None


def _nearest(pattern: str) -> list[str]:
    """Return the family of the nearest font that there is, and its languages."""
    command = ["fc-match", "--format", "%{family[0]}|%{lang}", pattern]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("|")


def draw_png(svg: Path, family: str) -> Path:
    """Draw a picture beside its SVG, which is removed; returns the file."""
    text = _LINES.sub(_in_another_font, svg.read_text("utf-8").replace(_FAMILY, family))
    png = svg.with_suffix(".png")
    cairosvg.svg2png(bytestring=text.encode(), write_to=str(png), output_width=_WIDTH)
    svg.unlink()
    return png


def _in_another_font(text: re.Match[str]) -> str:
    """Return each run of a text at its own place: the blanks of another font are not as wide."""
    before, x, between, length, after, letters = text.groups()
    letters = letters.replace("&#160;", " ")
    cell = float(length) / len(letters)
    return "".join(
        f'<text style="font-family:{_LINES_FAMILY}" {before}x="{float(x) + run.start() * cell:g}"'
        f'{between} textLength="{len(run[0]) * cell:g}"{after}>{run[0]}</text>'
        for run in re.finditer(r"\S+", letters)
    )


def main(arguments: Sequence[str]) -> None:
    """Draw the pictures of a built site, and let its pages show them."""
    site = Path(arguments[0])
    if (family := chinese_family()) is None:
        sys.stdout.write("no Chinese font of fixed width or no DejaVu Sans: pictures stay SVG\n")
        return
    for svg in site.glob("*.svg"):
        draw_png(svg, family)
    for page in site.rglob("*.html"):
        page.write_text(_SOURCE.sub(r'\1.png"', page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
