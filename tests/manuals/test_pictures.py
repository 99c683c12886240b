"""The site's pictures need no fonts of whoever reads it."""

from pathlib import Path

import pytest

from tests.manuals.pictures import chinese_family, draw_png, main

_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40">
<style>.a { font-family: Fira Code, monospace; font-size: 20px }</style>
<text class="a" x="0" y="30" textLength="40" clip-path="none">&#160;%s</text></svg>"""


@pytest.mark.skipif(chinese_family() is None, reason="no Chinese font of fixed width")
def test_pages_show_png_drawn_with_the_letters_of_this_machine(tmp_path: Path) -> None:
    page = tmp_path / "a" / "page.html"
    page.parent.mkdir()
    page.write_text('<img alt="x" src="../board.svg" /> <img src="logo.png">')
    (tmp_path / "board.svg").write_text(_SVG % "工单")
    main([str(tmp_path)])
    assert page.read_text() == '<img alt="x" src="../board.png" /> <img src="logo.png">'
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "board.svg").exists()


@pytest.mark.skipif(chinese_family() is None, reason="no Chinese font of fixed width")
def test_letters_and_lines_are_drawn_and_no_boxes(tmp_path: Path) -> None:
    """Of two letters that a font lacks, both are the same box."""
    family = chinese_family()
    assert family is not None
    drawn = set()
    for letters in ("工", "单", "⣿", "⡇"):
        svg = tmp_path / f"{letters}.svg"
        svg.write_text(_SVG % letters)
        drawn.add(draw_png(svg, family).read_bytes())
    assert len(drawn) == 4
