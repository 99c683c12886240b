"""Help and messages about wrong usage in the chosen language.

Typer writes both in English, and cuts lines that have no blanks to break at, as Chinese has none.
It has no public class for wrong usage but BadParameter, and no public way to name the panels of
help, so this file uses names inside it: pyproject.toml bounds the release, tests/test_libraries.py
checks the names.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import typer
from typer._click.exceptions import (
    BadOptionUsage,
    MissingParameter,
    NoArgsIsHelpError,
    NoSuchOption,
    UsageError,
)
from typer._click.globals import get_current_context
from typer.core import TyperCommand, TyperGroup, TyperOption

from models.i18n import _

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand
    from typer._click import Context, HelpFormatter, Parameter

__all__ = ["App", "UsageError", "current_command", "usage_error_text"]


def current_command() -> str:
    """Return the command that runs, as `hotline policy import`; empty where none does."""
    context = get_current_context(silent=True)
    if context is None:
        return ""
    return context.command_path + " --dry-run" * bool(context.params.get("dry_run"))


class _Command(TyperCommand):
    """One command."""

    # Surplus arguments are reported by parse_args below.
    allow_extra_args = True

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the help."""
        _translate_help(self, ctx)
        super().format_help(ctx, formatter)

    def format_usage(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the line with the command's usage."""
        _write_usage(self, ctx, formatter)

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Parse the arguments. Raises UsageError."""
        rest = super().parse_args(ctx, args)
        if rest:
            ctx.fail(_("unexpected arguments: {rest}").format(rest=" ".join(rest)))
        return rest


class _Group(TyperGroup):
    """A group of commands."""

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the help."""
        _translate_help(self, ctx)
        super().format_help(ctx, formatter)

    def format_usage(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the line with the command's usage."""
        _write_usage(self, ctx, formatter)

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, AnyCommand | None, list[str]]":
        """Find a command of the group. Raises UsageError."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            near = get_close_matches(name, list(self.commands))
            ctx.fail(_("there is no command {name}").format(name=name) + _meant(near))
        return super().resolve_command(ctx, args)


class App(typer.Typer):
    """A group of commands, with help in the active language."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            cls=_Group,
            no_args_is_help=True,
            add_completion=False,
            pretty_exceptions_enable=False,
            **settings,
        )

    def command(self, name: str | None = None, **settings: Any) -> Any:
        """Add a command."""
        return super().command(name, cls=_Command, **settings)


_NO_CHOICE = re.compile(r" is not one of (?P<known>'.*')\.$")
"""How Typer says that a value is none of the choices."""


def usage_error_text(error: UsageError) -> str:
    """Describe what is wrong with the arguments; returns "" where help was shown."""
    if isinstance(error, NoArgsIsHelpError):
        return ""
    text = _reason(error)
    if error.ctx is None:
        return text
    return text + _("; see `{command} --help`").format(command=error.ctx.command_path)


def _reason(error: UsageError) -> str:
    match error:
        case MissingParameter(param=param) if param is not None:
            return _("{what} is missing").format(what=_name(param))
        case NoSuchOption():
            return _("there is no option {name}").format(name=error.option_name) + _meant(
                error.possibilities or ()
            )
        case BadOptionUsage():
            needs, takes = _("{what} needs a value"), _("{what} takes no value")
            return (needs if "requires" in error.message else takes).format(what=error.option_name)
        case typer.BadParameter(param=param) if param is not None:
            return f"{_name(param)}: {_value(error)}"
    return error.message


def _value(error: typer.BadParameter) -> str:
    """Describe what is wrong with a value, as far as Typer and Pydantic know it."""
    if (errors := getattr(error.__cause__, "errors", None)) is not None:
        first = errors()[0]
        texts = {
            "int_parsing": _("a whole number is needed, not {input}"),
            "float_parsing": _("a number is needed, not {input}"),
            "greater_than_equal": _("{input} is too little, {ge} is the least"),
            "less_than_equal": _("{input} is too much, {le} is the most"),
        }
        if (text := texts.get(first["type"])) is not None:
            return text.format(input=first["input"], **first.get("ctx", {}))
        if (choice := _NO_CHOICE.search(error.message)) is not None:
            known = choice["known"].replace("'", "")
            return _("there is no {input}; there are: {known}").format(
                input=first["input"], known=known
            )
    for ending, text in (
        ("does not exist.", _("it does not exist")),
        ("is a directory.", _("it is a folder, not a file")),
        ("is not readable.", _("no permission to read it")),
    ):
        if error.message.endswith(ending):
            return text
    return error.message


def _name(param: "Parameter") -> str:
    long = [name for name in param.opts if name.startswith("--")]
    return (long or [param.metavar or param.name or ""])[0]


def _meant(names: Sequence[str]) -> str:
    return _(" (did you mean {names}?)").format(names=", ".join(sorted(names))) if names else ""


def _write_usage(command: "AnyCommand", ctx: "Context", formatter: "HelpFormatter") -> None:
    pieces = " ".join(command.collect_usage_pieces(ctx))
    formatter.write_usage(ctx.command_path, pieces, prefix=_("Usage: "))


def _translate_help(command: "AnyCommand", ctx: "Context") -> None:
    """Set the titles of the help's panels, and let lines be broken anywhere."""
    # Only help needs this module, which takes as long to import as all else of a command's start.
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = _("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = _("Options")
    rich_utils.COMMANDS_PANEL_TITLE = _("Commands")
    rich_utils.DEFAULT_STRING = _("[default: {}]")
    rich_utils.REQUIRED_LONG_STRING = _("[required]")
    make = rich_utils._make_rich_text

    def make_foldable(**arguments: Any) -> Any:
        text: Any = make(**arguments)
        text.overflow = "fold"
        return text

    rich_utils._make_rich_text = make_foldable
    if isinstance(option := command.get_help_option(ctx), TyperOption):
        option.help = _("Show this help and end.")
