"""`hotline channels`: check the channels file, try a channel, and send events to one again."""

from collections.abc import Iterable
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
    group = App(help=_("Check and test the channels that notices and events are sent by."))
    group.command("check", help=_("Check the channels file, and list who has no address."))(check)
    group.command("try", help=_("Send a test message by a channel."))(attempt)
    group.command("rewind", help=_("Send the events after a cursor to a channel again."))(rewind)
    app.add_typer(group, name="channels")


def check() -> None:
    """List the channels, and each role of each unit without an address on a channel it needs."""
    from models.queries.event_channels import event_channels
    from models.rulebook import load_rulebook
    from models.rules.policy import in_force
    from scripts.bootstrap import use_store
    from scripts.service.event_channels import event_channel_line
    from workers.notices.channels import missing_addresses

    channels = _load()
    with use_store(load_settings()) as store, store.reading() as session:
        rulebook = load_rulebook(session)
        sent = {status.name: status for status in event_channels(session)}
    directory = rulebook.directory
    units = list(directory.units)
    policy = in_force(list(rulebook.policies.values()), system_clock())
    for name in channels.channel:
        typer.echo(name)
    for name in channels.events:
        typer.echo(event_channel_line(sent[name]) if name in sent else name)
    named = (unit for channel in channels.events.values() for unit in channel.units)
    unknown = [unit for unit in (*channels.people, *named) if directory.resolve(unit) is None]
    for unit in unknown:
        typer.echo(_("{unit} is no unit; write its own name").format(unit=unit))
    missing = missing_addresses(channels.with_names(directory), units, policy.ladder)
    for channel, recipient in missing:
        typer.echo(_("{channel}: no address of {who}").format(channel=channel, who=recipient))
    if missing or unknown:
        raise typer.Exit(1)


def attempt(
    channel: Annotated[str, typer.Argument(help=_("The channel's name."))],
    to: Annotated[str, typer.Option(help=_("The recipient, where the channel needs one."))] = "",
) -> None:
    """Send one message that says that it is only a test."""
    from models.rules.vocabulary import Permission
    from models.shared_clock import store_clock
    from scripts.bootstrap import use_store
    from workers.events.page_poster import PagePoster
    from workers.notices.apprise_channel import send_message

    with use_store(load_settings(), Permission.RULEBOOK) as store:
        config = _load()
        channels = config.channel
        if channel in config.events:
            with PagePoster(channel, config.events[channel]) as poster:
                failure = poster.post([], store_clock(store)())
            if failure is not None:
                raise HotlineError(f"{channel}: {failure.why}")
            typer.echo(_("The channel accepted a page without events."))
            return
        if channel not in channels:
            raise _no_channel(channel, [*channels, *config.events])
        if channels[channel].needs_recipient and not to:
            raise typer.BadParameter(_("this channel needs a recipient: --to ADDRESS"))
        text = _("This is a test of the channel {name}.").format(name=channel)
        if error := send_message(channels[channel], to, "hotline-try", "12345", text):
            raise HotlineError(f"{channel}: {error}")
    typer.echo(_("The channel accepted the message."))


def rewind(
    channel: Annotated[str, typer.Argument(help=_("The channel's name."))],
    cursor: Annotated[
        str,
        typer.Argument(help=_("The cursor of the last event that it has; 0-0: from the first.")),
    ],
) -> None:
    """Let a channel of events go on after another event, which its receiver may have lost."""
    from models.operations.event_channels import rewind_channel
    from models.queries.event_feed import Cursor
    from models.rules.vocabulary import Permission
    from scripts.bootstrap import use_store

    place = Cursor.parse(cursor)
    with use_store(load_settings(), Permission.RULEBOOK) as store:
        channels = _load().events
        if channel not in channels:
            raise _no_channel(channel, channels)
        with store.writing() as session:
            rewind_channel(session, channel, place)
    typer.echo(_("{name}: sent up to {cursor}").format(name=channel, cursor=place))


def _no_channel(name: str, known: Iterable[str]) -> HotlineError:
    text = _("no channel {name}; there are: {known}")
    return HotlineError(text.format(name=name, known=", ".join(known) or "-"))


def _load() -> "ChannelsConfig":
    from workers.notices.channels import load_channels

    return load_channels(load_settings().channels_path)
