"""The command's help, and its messages about wrong usage."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scripts.hotline_process import HotlineProcess
from tests.workers.processes import environment


@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_is_whole_and_chinese(tmp_path: Path, columns: str) -> None:
    """No text is cut at the edge, and none is Typer's English."""
    env = environment(tmp_path, "", "") | {"HOTLINE_LANG": "zh", "COLUMNS": columns}
    command = [sys.executable, "-P", "-m", "tests.scripts.help_texts"]
    root = Path(__file__).parents[2]
    output = subprocess.run(
        command, env=env | {"PYTHONPATH": str(root)}, capture_output=True, check=True
    )
    helps = json.loads(output.stdout)
    assert len(helps) > 40
    for path, text in helps.items():
        assert "用法：" in text, path
        assert "…" not in text, path
        assert not re.search(r"Usage|Options|Arguments|Show this|default|required", text), path


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("nosuch", "没有命令 nosuch；用法见 `hotline --help`"),
        ("units fnd 城管", "没有命令 fnd（是否指 find？）；用法见 `hotline units --help`"),
        ("show", "缺少 ticket；用法见 `hotline show --help`"),
        ("show T1 T2", "多余的参数：T2；用法见 `hotline show --help`"),
        ("queue --lvl red", "没有选项 --lvl（是否指 --level？）；用法见 `hotline queue --help`"),
        ("queue --level", "--level 后面要有取值"),
        ("queue --json=1", "--json 后面不带取值"),
        ("queue --level blue", "只能是：prewarning, yellow, red；用法见 `hotline queue --help`"),
        ("bench --runs -1", "--runs: -1 太小，最小为 0；用法见 `hotline bench --help`"),
        ("bench --runs x", "--runs: 应为整数，不能是 x；用法见 `hotline bench --help`"),
        ("bench --scale x", "--scale: 应为数字，不能是 x；用法见 `hotline bench --help`"),
        ("replay nosuch", "file: 不存在；用法见 `hotline replay --help`"),
        ("replay .", "file: 是文件夹，不是文件；用法见 `hotline replay --help`"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, typed: str, expected: str) -> None:
    """It says what was wrong and where to read more, and ends with 2."""
    hotline = HotlineProcess(tmp_path / "home", tmp_path)
    output = hotline(*typed.split(), code=2, LANG="zh")
    assert (output.stdout, output.stderr) == ("", f"hotline: {expected}\n")
