"""A shell completes commands, options and choices; no store is opened for that."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.cli import build
from scripts.completion import complete, completion_script

HOTLINE = Path(sys.executable).with_name("hotline")

ASKED = {
    "hotline rep": ["replay", "report"],
    "hotline report --fo": ["--format"],
    "hotline report --format ": ["table", "csv", "xlsx", "html"],
    "hotline queue --level y": ["yellow"],
    "hotline roles set wang su": ["supervisor"],
}

VALUES = {
    "hotline due --category c": ["consultation", "complaint"],
    "hotline deploy s": ["systemd"],
    "hotline report --figure first_": ["first_due", "first_contact"],
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody whose settings are wrong and whose home is not there."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    home = {"HOTLINE_HOME": str(tmp_path / "home"), "HOTLINE_DATABASE_URL": "nonsense:"}
    return kept | home | {"PATH": f"{HOTLINE.parent}:{os.environ['PATH']}"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(environment: dict[str, str], tmp_path: Path) -> None:
    """By the script that `hotline completion bash` prints, loaded as the manual says."""
    lines = ["source <(hotline completion bash)", "complete -p hotline"]
    for typed in ASKED:
        words = [f"'{word}'" for word in typed.split(" ")]
        lines += [
            f"COMP_WORDS=({' '.join(words)}) COMP_CWORD={len(words) - 1}",
            "_hotline_completion hotline",
            'echo "${COMPREPLY[@]}"',
        ]
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)],
        env=environment | {"HOTLINE_DATABASE_URL": ""},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    first, *answers = done.stdout.splitlines()
    assert first == "complete -o default -F _hotline_completion hotline"
    assert [answer.split() for answer in answers] == list(ASKED.values())
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("typed", VALUES)
def test_values_of_closed_lists_are_completed(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of lists that are none of the vocabulary's."""
    words = typed.split(" ")
    asked = {"_HOTLINE_COMPLETE": "complete_bash", "COMP_CWORD": str(len(words) - 1)}
    for name, value in (asked | {"COMP_WORDS": typed}).items():
        monkeypatch.setenv(name, value)
    assert complete(build) == 0
    assert capsys.readouterr().out.split() == VALUES[typed]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_ask_and_are_answered(environment: dict[str, str], shell: str) -> None:
    """As their scripts do; settings that are wrong do not matter."""
    script = completion_script(shell)
    assert f"_HOTLINE_COMPLETE=complete_{shell}" in script
    asked = {
        "_HOTLINE_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "hotline queue --level y",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [HOTLINE], env=environment | asked, capture_output=True, text=True, check=False, timeout=60
    )
    assert "yellow" in done.stdout
    assert "prewarning" not in done.stdout
    assert done.stderr == ""


def test_nothing_slow_is_loaded_for_it(environment: dict[str, str]) -> None:
    """Neither the database's library nor the screens'."""
    code = (
        "import sys\nfrom scripts.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('sqlalchemy', 'redis', 'textual', 'rich.table') if m in sys.modules])"
    )
    asked = {"_HOTLINE_COMPLETE": "complete_bash", "COMP_WORDS": "hotline que", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment | asked, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["queue", "[]"]
