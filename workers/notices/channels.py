"""The channels file (渠道): where notices and events go, checked line by line.

It lies beside the database and not in it, since it holds passwords and robots' tokens.
"""

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field, PrivateAttr

from models.errors import HotlineError
from models.i18n import _
from models.rules.policy import Ladder, NoticeKinds
from models.rules.routing.directory import Directory
from models.rules.toml_files import Problem, TomlFile, TomlModel, unknown_value
from models.rules.toml_lines import Path as TomlPath
from models.rules.vocabulary import RECIPIENTS_OF_A_UNIT, Level, NoticeKind, Recipient
from models.text_files import read_text
from workers.events.config import EventsChannelConfig
from workers.notices.channel_addresses import TO, usable_address

FILE, LOG = "file", "log"
BUILT_IN = (FILE, LOG)
_NOTICES, _EVENTS = _KINDS = ("notices", "events")
_LEADERS = (Recipient.DEPUTY_LEADER, Recipient.PRINCIPAL_LEADER, Recipient.DISTRICT_LEADER)
_TOLD_OF_ALL_ELSE = tuple(role for role in Recipient if role not in _LEADERS)


class InvalidChannels(HotlineError):
    """The channels file cannot be used; the message names the line and what is allowed."""


class ChannelConfig(TomlModel):
    """A channel: an Apprise address in which `{to}` is the recipient and `{id}` the message.

    `per_minute` is how many messages it takes; with `quiet` false it is used at night and on days
    off too; `timeout` is in seconds.
    """

    kind: Literal["notices"] = "notices"
    url: Annotated[str, AfterValidator(usable_address)]
    per_minute: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=10, gt=0, le=60)
    quiet: bool = True
    language: Literal["zh", "en"] | None = None

    def url_for(self, to: str, message: str) -> str:
        """Return the address with recipient and message id in it, quoted: neither can change it."""
        return self.url.replace(TO, quote(to, safe="")).replace("{id}", quote(message, safe=""))

    @property
    def needs_recipient(self) -> bool:
        """Return whether it needs an address for each recipient."""
        return TO in self.url


class ChannelRule(TomlModel):
    """A rule for who is told by which channels: the first that matches a notice holds."""

    kinds: NoticeKinds = ()
    roles: tuple[Recipient, ...] = ()
    units: tuple[str, ...] = ()
    emergency: bool | None = None
    channels: tuple[str, ...] = Field(min_length=1)

    def matches(self, kind: str, role: str, unit: str | None, emergency: bool) -> bool:
        """Return whether this rule is for such a notice; what it does not name does not matter."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.roles or role in self.roles)
            and (not self.units or unit in self.units)
            and (self.emergency is None or self.emergency == emergency)
        )


class ChannelsConfig(TomlModel):
    """The channels file: all channels, who gets what, and where people are reached by each.

    `people` holds addresses by unit, role and channel; those outside units by role and channel.
    The file and a notice may name a unit by any of its names, see `with_names`.
    """

    channel: dict[str, ChannelConfig] = Field(default_factory=dict)
    rule: tuple[ChannelRule, ...] = ()
    people: dict[str, dict[Recipient, dict[str, str]]] = Field(default_factory=dict)
    outside: dict[Recipient, dict[str, str]] = Field(default_factory=dict)
    _resolve: Callable[[str], str | None] | None = PrivateAttr(default=None)
    _events: Mapping[str, EventsChannelConfig] = PrivateAttr(default_factory=dict)

    @property
    def events(self) -> Mapping[str, EventsChannelConfig]:
        """Return the channels of events, which no rule names."""
        return self._events

    def with_names(self, directory: Directory) -> "ChannelsConfig":
        """Return this config with the present names of all units that the directory knows.

        Where several names in the file mean one unit, the addresses under its present name hold,
        then those under the names that it had before, then those of units merged into it.
        """
        written: dict[str, list[str]] = {}
        for name in self.people:
            written.setdefault(directory.resolve(name) or name, []).append(name)
        people = {}
        for unit, names in written.items():
            unit_names = [name for name in directory.all_names(unit) if name in names]
            people[unit] = self.people[(unit_names or names)[0]]

        def present(rule: ChannelRule) -> ChannelRule:
            units = tuple(directory.resolve(unit) or unit for unit in rule.units)
            return rule.model_copy(update={"units": units})

        rules = tuple(map(present, self.rule))
        config = self.model_copy(update={"people": people, "rule": rules})
        config._resolve = directory.resolve
        return config

    def channels_for(
        self, kind: str, role: str, unit: str | None, emergency: bool
    ) -> Sequence[str]:
        """Return the channels of a notice: by the first rule that matches, else the file."""
        name = self._present_name(unit)
        matching = (r.channels for r in self.rule if r.matches(kind, role, name, emergency))
        return tuple(dict.fromkeys(next(matching, (FILE,))))

    def recipient_address(self, channel: str, role: str, unit: str | None) -> str | None:
        """Return where this channel reaches somebody, or None where the file does not say it."""
        name = self._present_name(unit) or ""
        roles = self.people.get(name, {}) if role in RECIPIENTS_OF_A_UNIT else self.outside
        return next((to[channel] for r, to in roles.items() if r == role and channel in to), None)

    def lacks_address(self, channel: str, role: str, unit: str | None) -> bool:
        """Return whether the channel needs addresses and has none for this recipient."""
        config = self.channel.get(channel)
        if config is None or not config.needs_recipient:
            return False
        return self.recipient_address(channel, role, unit) is None

    def _present_name(self, unit: str | None) -> str | None:
        if unit is None or self._resolve is None:
            return unit
        return self._resolve(unit) or unit


def load_channels(path: Path) -> ChannelsConfig:
    """Load the channels file; raises InvalidChannels with the line and what is allowed."""
    if path.exists() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        message = _("{path}: others may read its passwords; run: chmod 600 {path}")
        raise InvalidChannels(message.format(path=path))
    file = TomlFile(read_text(path, InvalidChannels), str(path), InvalidChannels)
    channels = file.values.get("channel")
    tables = channels if isinstance(channels, dict) else {}
    for name, table in tables.items():
        if (kind := _kind_of(table)) not in _KINDS:
            raise file.invalid(("channel", name, "kind"), unknown_value(str(kind), _KINDS))
    events = {name: table for name, table in tables.items() if _kind_of(table) == _EVENTS}
    if events:
        others = {name: table for name, table in tables.items() if name not in events}
        config = file.convert(ChannelsConfig, file.values | {"channel": others})
    else:
        config = file.convert(ChannelsConfig)
    config._events = {
        name: file.convert(EventsChannelConfig, table, partial(_in_channel, name))
        for name, table in events.items()
    }
    for place, why in _problems(config):
        raise file.invalid(place, why)
    return config


def _kind_of(table: object) -> object:
    return table.get("kind", _NOTICES) if isinstance(table, dict) else _NOTICES


def _in_channel(name: str, path: TomlPath) -> TomlPath:
    return ("channel", name, *path)


def _problems(config: ChannelsConfig) -> Iterator[Problem]:
    """Channels that are defined twice, named and not defined, or would show what is personal."""
    for name in BUILT_IN:
        if name in config.channel or name in config.events:
            message = _("channel {name} is built in; take another name")
            yield ("channel", name), message.format(name=repr(name))
    for name, channel in config.events.items():
        if channel.reveal and not channel.is_private:
            yield ("channel", name, "url"), _("texts are sent in clear by https:// alone")
    known = [*BUILT_IN, *config.channel]
    for path, name in _named_channels(config):
        if name in config.events:
            message = _("channel {name} takes events, and no notices")
            yield path, message.format(name=repr(name))
        elif name not in known:
            message = _("no channel {name}; there are: {known}")
            yield path, message.format(name=repr(name), known=", ".join(known))


def _named_channels(config: ChannelsConfig) -> Iterator[tuple[TomlPath, str]]:
    for number, rule in enumerate(config.rule):
        for place, name in enumerate(rule.channels):
            yield ("rule", number, "channels", place), name
    for unit, roles in config.people.items():
        for role, addresses in roles.items():
            yield from ((("people", unit, role.value, name), name) for name in addresses)
    for role, addresses in config.outside.items():
        yield from ((("outside", role.value, name), name) for name in addresses)


def missing_addresses(
    channels: ChannelsConfig, units: Sequence[str], ladder: Ladder
) -> list[tuple[str, str]]:
    """Return who would be told by a channel that has no address of his, each with that channel."""
    raised: dict[str, Recipient] = {level: ladder.of(level).to for level in Level}
    roles = {kind: (raised[kind],) if kind in raised else _TOLD_OF_ALL_ELSE for kind in NoticeKind}
    roles[NoticeKind.GRAVE_CONDUCT] = (Recipient.DISTRICT_DESK, Recipient.DISTRICT_LEADER)
    missing: dict[tuple[str, str], None] = {}
    for kind, emergency in product(NoticeKind, (False, True)):
        for role, unit in product(roles[kind], units):
            unit_of_role = unit if role in RECIPIENTS_OF_A_UNIT else None
            for name in channels.channels_for(kind, role, unit_of_role, emergency):
                if channels.lacks_address(name, role, unit_of_role):
                    missing[name, f"{unit_of_role}/{role}" if unit_of_role else role] = None
    return list(missing)
