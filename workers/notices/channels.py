"""The channels file (渠道): where notices go, checked line by line.

It lies beside the database and not in it, since it holds passwords and robots' tokens.
"""

import re
import stat
import tomllib
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import HotlineError
from models.i18n import _
from models.rules.policy import Ladder, NoticeKinds
from models.rules.policy_text import describe_error
from models.rules.vocabulary import RECIPIENTS_OF_A_UNIT, Level, NoticeKind, Recipient
from workers.notices.apprise_services import make_service

FILE, LOG = "file", "log"
BUILT_IN = (FILE, LOG)
_TOLD_OF_ALL_ELSE = tuple(
    role for role in Recipient if role not in (Recipient.DEPUTY_LEADER, Recipient.PRINCIPAL_LEADER)
)
_TO = "{to}"


class InvalidChannels(HotlineError):
    """The channels file cannot be used; the message names the line and what is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _usable(url: str) -> str:
    """Check that a service takes this address, with a mail address or a number in it."""
    examples = [
        url.replace(_TO, recipient).replace("{id}", "1")
        for recipient in ("someone%40example.cn", "13800000000")
    ]
    # the address is not repeated: it may hold a password
    if all(make_service(example) is None for example in examples):
        raise ValueError(
            _(
                "no service takes this address; write it as in docs/channels.md: mailtos://, "
                "wecombot://, dingtalk://, feishu://, json:// …"
            )
        )
    return url


class ChannelConfig(_Part):
    """A channel: an Apprise address in which `{to}` is the recipient and `{id}` the message.

    `per_minute` is how many messages it takes; with `quiet` false it is used at night too;
    `timeout` is in seconds.
    """

    url: Annotated[str, AfterValidator(_usable)]
    per_minute: int | None = Field(default=None, ge=1)
    timeout: float = Field(default=10, gt=0, le=60)
    quiet: bool = True
    language: Literal["zh", "en"] | None = None

    def url_for(self, to: str, message: str) -> str:
        """Return the address with recipient and message id in it, quoted: neither can change it."""
        return self.url.replace(_TO, quote(to, safe="")).replace("{id}", quote(message, safe=""))

    @property
    def needs_recipient(self) -> bool:
        """Whether it needs an address for each recipient."""
        return _TO in self.url


class ChannelRule(_Part):
    """A rule for who is told by which channels: the first that matches a notice holds."""

    kinds: NoticeKinds = ()
    roles: tuple[Recipient, ...] = ()
    units: tuple[str, ...] = ()
    emergency: bool | None = None
    channels: tuple[str, ...] = Field(min_length=1)

    def matches(self, kind: str, role: str, unit: str | None, emergency: bool) -> bool:
        """Whether this rule is for such a notice; what it does not name does not matter."""
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.roles or role in self.roles)
            and (not self.units or unit in self.units)
            and (self.emergency is None or self.emergency == emergency)
        )


class ChannelsConfig(_Part):
    """The channels file: all channels, who gets what, and where people are reached by each.

    `people` holds addresses by unit, role and channel; those outside units by role and channel.
    """

    channel: dict[str, ChannelConfig] = {}
    rule: tuple[ChannelRule, ...] = ()
    people: dict[str, dict[Recipient, dict[str, str]]] = {}
    outside: dict[Recipient, dict[str, str]] = {}

    @model_validator(mode="after")
    def _known(self) -> "ChannelsConfig":
        for name in BUILT_IN:
            if name in self.channel:
                message = _("channel {name} is built in; take another name")
                raise ValueError(message.format(name=repr(name)))
        known = [*BUILT_IN, *self.channel]
        named = [(n, f"rule {i}") for i, r in enumerate(self.rule, 1) for n in r.channels]
        for unit, roles in self.people.items():
            named += [(n, f"people of {unit}") for places in roles.values() for n in places]
        named += [(n, "outside") for places in self.outside.values() for n in places]
        for name, where in named:
            if name not in known:
                message = _("{where}: no channel {name}; there are: {known}")
                names = ", ".join(known)
                raise ValueError(message.format(where=where, name=repr(name), known=names))
        return self

    def channels_for(
        self, kind: str, role: str, unit: str | None, emergency: bool
    ) -> Sequence[str]:
        """Return the channels of a notice: by the first rule that matches, else the file."""
        matching = (r.channels for r in self.rule if r.matches(kind, role, unit, emergency))
        return tuple(dict.fromkeys(next(matching, (FILE,))))

    def recipient_address(self, channel: str, role: str, unit: str | None) -> str | None:
        """Return where this channel reaches somebody, or None where the file does not say it."""
        roles = self.people.get(unit or "", {}) if role in RECIPIENTS_OF_A_UNIT else self.outside
        return next((to[channel] for r, to in roles.items() if r == role and channel in to), None)

    def lacks_address(self, channel: str, role: str, unit: str | None) -> bool:
        """Whether the channel needs an address for each recipient and has none for this one."""
        config = self.channel.get(channel)
        if config is None or not config.needs_recipient:
            return False
        return self.recipient_address(channel, role, unit) is None


def load_channels(path: Path) -> ChannelsConfig:
    """The channels that a file names; raises ChannelsWrong with the line and what is allowed."""
    try:
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            told = _("{path}: others may read its passwords; run: chmod 600 {path}")
            raise InvalidChannels(told.format(path=path))
        text = path.read_text(encoding="utf-8-sig")
        return ChannelsConfig.model_validate(tomllib.loads(text))
    except OSError as wrong:
        raise InvalidChannels(f"{path}: {wrong.strerror}") from wrong
    except UnicodeDecodeError as wrong:
        raise InvalidChannels(f"{path}: {_('not UTF-8')}") from wrong
    except (tomllib.TOMLDecodeError, RecursionError) as wrong:
        told = _("{file}: not valid TOML: {why}").format(file=path, why=wrong)
        if "key" in str(wrong):
            told += _('; put Chinese names in quotes, as in [people."某局".unit_contact]')
        raise InvalidChannels(told) from wrong
    except ValidationError as wrong:
        told = describe_error(wrong, lambda steps: line_of(text, steps))
        raise InvalidChannels(f"{path}: {told}") from None


def missing_addresses(
    channels: ChannelsConfig, units: Sequence[str], ladder: Ladder
) -> list[tuple[str, str]]:
    """Return who would be told by a channel that has no address of his, each with that channel."""
    raised: dict[str, Recipient] = {level: ladder.of(level).to for level in Level}
    roles = {kind: (raised[kind],) if kind in raised else _TOLD_OF_ALL_ELSE for kind in NoticeKind}
    missing: dict[tuple[str, str], None] = {}
    for kind, emergency in product(NoticeKind, (False, True)):
        for role, unit in product(roles[kind], units):
            unit_of_role = unit if role in RECIPIENTS_OF_A_UNIT else None
            for name in channels.channels_for(kind, role, unit_of_role, emergency):
                if channels.lacks_address(name, role, unit_of_role):
                    missing[name, f"{unit_of_role}/{role}" if unit_of_role else role] = None
    return list(missing)


def line_of(text: str, steps: Sequence[str]) -> int:
    """The line of what `steps` lead to, or of the nearest table around it."""
    best, depth_of_best = 1, 0
    here: list[str] = []
    count: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.fullmatch(r"\s*(\[\[?)(.+?)\]\]?\s*(#.*)?", line):
            here = _keys(header[2])
            if header[1] == "[[":
                name = header[2].strip()
                count[name] = count.get(name, -1) + 1
                here = [*here, str(count[name])]
            path = here
        elif entry := re.match(r"\s*([\w.\"'-]+|\"[^\"]*\")\s*=", line):
            path = [*here, *_keys(entry[1])]
        else:
            continue
        depth = _shared(path, steps)
        if depth == len(path) and depth > depth_of_best:
            best, depth_of_best = number, depth
    return best


def _keys(dotted: str) -> list[str]:
    return [a or b or c for a, b, c in re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", dotted)]


def _shared(path: Sequence[str], steps: Sequence[str]) -> int:
    pairs: list[Any] = list(zip(path, steps, strict=False))
    return next((n for n, (a, b) in enumerate(pairs) if a != b), len(pairs))
