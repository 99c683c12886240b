"""Draw what the laboratory answers on the demo: `python -m tests.laboratory.pictures FOLDER`.

The service plays the demo in a home of its own, which takes two minutes; then the commands are run
as anybody would, and their own output is drawn.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tests.monitor.screenshots import at_cell_width

WHATIF = ("whatif", "--month", "2026-11", "--set", "terms.complaint=5 workdays")
DAY_OFF = ("whatif", "--month", "2026-11", "--off", "2026-11-10")
RED_CARDS = ("report", "--month", "2026-11", "--figure", "red", "--unit", "城管局", "--json")

_PLAYED = 130
"""Seconds after which the demo stands still."""

_FIGURE = re.compile(
    r'<figure><figcaption>(.*?)</figcaption><svg viewBox="0 0 (\d+) (\d+)"(.*?)</figure>', re.DOTALL
)
_HEAD = re.compile(r"<h1>(.*?)</h1>\s*<p>(.*?)</p>", re.DOTALL)
_RUN = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]+|[^\u2e80-\u9fff\uff00-\uffef]+")
_FONTS = "Noto Sans CJK SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, system-ui, sans-serif"
_MARGIN, _GAP, _TITLE = 20, 48, 14
_STYLE = ".h{font-size:22px;font-weight:600}.t{font-size:14px;font-weight:600}.q{fill:#657083}"


def chart_picture(page: str) -> str:
    """Return the head and the charts of a page as one picture, the longest chart on the right."""
    head = _HEAD.search(page)
    assert head is not None
    figures = _FIGURE.findall(page)
    longest = max(figures, key=lambda figure: int(figure[2]))
    heights = [0, 0]
    parts = list[str]()
    for figure in figures:
        title, width, height, rest = figure
        column = int(figure is longest)
        x, y = _MARGIN + column * (int(width) + _MARGIN), 92 + heights[column]
        parts += [
            f'<text x="{x}" y="{y}" class="t">{title}</text>',
            f'<svg x="{x}" y="{y + _TITLE}" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}"{rest}',
        ]
        heights[column] += int(height) + _GAP
    whole = (2 * int(figures[0][1]) + 3 * _MARGIN, 92 + max(heights))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole[0]} {whole[1]}" '
        f'font-family="{_FONTS}" font-size="12" fill="#1c2430"><style>{_STYLE}</style>'
        f'<rect width="{whole[0]}" height="{whole[1]}" fill="#fff"/>'
        f'<text x="{_MARGIN}" y="34" class="h">{head[1]}</text>'
        f'<text x="{_MARGIN}" y="60" class="q">{head[2]}</text>{"".join(parts)}</svg>\n'
    )


def terminal_picture(command: Sequence[str], output: str, titles: Sequence[str]) -> str:
    """Return a terminal with the head of an output and its parts with these titles."""
    parts = output.strip().split("\n\n")
    sections = [parts[0], *(part for part in parts if part.split("\n")[0] in titles)]
    text = "\n\n".join(sections)
    columns = max(map(cell_len, text.split("\n")))
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=columns, file=nowhere, force_terminal=True)
        console.print(_in_runs(text), soft_wrap=True)
    title = " ".join(f'"{part}"' if " " in part else part for part in ("hotline", *command))
    return at_cell_width(console.export_svg(title=title))


def _in_runs(text: str) -> Text:
    """Return a text whose wide characters are drawn apart from the others, each at its cell."""
    runs = [(run, "not bold" if cell_len(run[0]) > 1 else "") for run in _RUN.findall(text)]
    return Text.assemble(*runs)


def main() -> None:
    """Play the demo, and draw the answers into the folder."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as home:
        _hotline(Path(home), "up", "--demo", "--headless", "--for", str(_PLAYED))
        demo = Path(home) / "demo"
        pages = {"whatif": chart_picture(_hotline(demo, *WHATIF, "--format", "html"))}
        off = _hotline(demo, *DAY_OFF, "--list", "0")
        pages["dayoff"] = terminal_picture(DAY_OFF, off, ("指标", "按类别"))
        cards = re.findall(r'"ticket": ?"(\w+)"', _hotline(demo, *RED_CARDS))
        defend = ("defend", cards[0], "--card", "red")
        titles = ("得牌情况", "到期时间逐日说明", "最晚怎样办就不会得牌", "时间用在哪里")
        pages["defend"] = terminal_picture(defend, _hotline(demo, *defend), titles)
    for name, svg in pages.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(folder / f"{name}.svg")


def _hotline(home: Path, *arguments: str) -> str:
    """Run the command on a home, in Chinese; returns what it prints."""
    others = {name: v for name, v in os.environ.items() if not name.startswith("HOTLINE_")}
    environment = others | {"HOTLINE_HOME": str(home), "HOTLINE_LANG": "zh"}
    command = [sys.executable, "-m", "scripts", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
