"""Parse commands as the shell and hotline do, without running them."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer

from models.i18n import speaking
from scripts.cli import build
from scripts.help import UsageError, usage_error_text

_SEPARATORS = {";", "&", "&&", "|", "||", "(", ")", "{", "}", "then", "do", "else"}
_REDIRECTION = re.compile(r"[<>]+&?")
_VARIABLE = re.compile(r"[A-Za-z_]\w*=")
_HEREDOC = re.compile(r"<<'?(\w+)'?\n.*?\n\1\n", re.S)


def shell_fault(script: str) -> str:
    """Return what bash says about the syntax of a script; nothing if it is right."""
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    return done.stderr.strip()


def hotline_calls(script: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of hotline in a script, under whatever path or user."""
    for words in _simple_commands(script):
        rest = words
        while rest and (_VARIABLE.match(rest[0]) or rest[0] in ("sudo", "exec", "env", "!")):
            rest = rest[3:] if rest[:2] == ["sudo", "-u"] else rest[1:]
        if rest and Path(rest[0]).name == "hotline":
            yield rest[1:]


def make_targets(script: str) -> Iterator[str]:
    """Yield the targets of each call of make in a script."""
    for words in _simple_commands(script):
        if words[0] == "make":
            yield from (w for w in words[1:] if not w.startswith("-") and "=" not in w)


def _simple_commands(script: str) -> Iterator[list[str]]:
    for line in _HEREDOC.sub("\n", script).replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        words = iter(lexer)
        for word in words:
            if _REDIRECTION.fullmatch(word):
                next(words, None)
            elif word not in _SEPARATORS:
                command.append(word)
            elif command:
                yield command
                command = []
        if command:
            yield command


def hotline_fault(arguments: list[str]) -> str:
    """Return what hotline's own parser says about arguments; nothing if it takes them.

    Files that do not lie here are no fault.
    """
    with speaking("en"):
        try:
            _parse(arguments)
        except typer.Exit:
            return ""
        except UsageError as error:
            return "" if error.message.endswith("does not exist.") else usage_error_text(error)
    return ""


def _parse(arguments: list[str]) -> None:
    command, context = _root(), None
    name: str | None = "hotline"
    while True:
        context = command.make_context(name, list(arguments), parent=context)
        if not hasattr(command, "commands"):
            return
        arguments = [*context._protected_args, *context.args]
        name, command, arguments = command.resolve_command(context, arguments)


@cache
def _root() -> Any:
    return typer.main.get_command(build())
