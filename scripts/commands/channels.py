"""`hotline channels`: check the channels file, and send a test message by a channel."""

from typing import TYPE_CHECKING, Annotated

import typer

from models.clock import system_clock
from models.errors import HotlineError
from models.i18n import _
from models.settings import load_settings
from scripts.help import App

if TYPE_CHECKING:
    from workers.notices.channels import ChannelsConfig


def add_to(app: App) -> None:
    """Add these commands."""
    group = App(help=_("Check and test the channels that notices are sent by."))
    group.command("check", help=_("Check the channels file, and list who has no address."))(check)
    group.command("try", help=_("Send a test message by a channel."))(attempt)
    app.add_typer(group, name="channels")


def check() -> None:
    """List the channels, and each role of each unit without an address on a channel it needs."""
    from models.rulebook import load_rulebook
    from models.rules.policy import in_force
    from scripts.bootstrap import use_store
    from workers.notices.channels import missing_addresses

    channels = _load()
    with use_store(load_settings(), bootstrap=True) as store, store.reading() as session:
        rulebook = load_rulebook(session)
    directory = rulebook.directory
    units = list(directory.units)
    policy = in_force(list(rulebook.policies.values()), system_clock())
    for name in channels.channel:
        typer.echo(name)
    for unit in channels.people:
        if directory.resolve(unit) is None:
            typer.echo(_("{unit} is no unit; write its own name").format(unit=unit))
    missing = missing_addresses(channels.with_names(directory), units, policy.ladder)
    for channel, recipient in missing:
        typer.echo(_("{channel}: no address of {who}").format(channel=channel, who=recipient))
    if missing:
        raise typer.Exit(1)


def attempt(
    channel: Annotated[str, typer.Argument(help=_("The channel's name."))],
    to: Annotated[str, typer.Option(help=_("The recipient, where the channel needs one."))] = "",
) -> None:
    """Send one message that says that it is only a test."""
    from models.rules.vocabulary import Permission
    from scripts.bootstrap import use_store
    from workers.notices.apprise_channel import send_message

    with use_store(load_settings(), Permission.RULEBOOK):
        channels = _load().channel
        if channel not in channels:
            known = ", ".join(channels) or "-"
            raise HotlineError(
                _("no channel {name}; there are: {known}").format(name=channel, known=known)
            )
        if channels[channel].needs_recipient and not to:
            raise typer.BadParameter(_("this channel needs a recipient: --to ADDRESS"))
        text = _("This is a test of the channel {name}.").format(name=channel)
        if error := send_message(channels[channel], to, "hotline-try", "12345", text):
            raise HotlineError(f"{channel}: {error}")
    typer.echo(_("The channel accepted the message."))


def _load() -> "ChannelsConfig":
    from workers.notices.channels import load_channels

    return load_channels(load_settings().channels_path)
