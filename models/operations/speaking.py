"""Check in whose name a sender's messages speak, where roles are set up."""

from datetime import datetime

from models.database import Session
from models.i18n import LazyText, lazy
from models.rulebook import load_rulebook
from models.rules.messages import RawMessage
from models.rules.policy import in_force
from models.rules.routing.directory import Directory
from models.rules.speaking import NAMES_SENDER, senders_of
from models.rules.vocabulary import MessageType, Sender
from models.security.roles import Actor


class SpeakingCheck:
    """Checks the messages of one sender.

    The owner of a store in which nobody has a role may send all, in any name.
    """

    def __init__(self, session: Session, sender: Actor, now: datetime) -> None:
        self._sender = sender
        self._senders = sender.senders()
        self._directory: Directory | None = None
        self._unit: str | None = None
        if sender.is_owner:
            return
        is_desk_alone = Sender.DESK in self._senders and Sender.CITY not in self._senders
        if sender.unit is None and not is_desk_alone:
            return
        rulebook = load_rulebook(session)
        if sender.unit is not None:
            self._directory = rulebook.directory
            self._unit = self._directory.resolve(sender.unit)
        policy = in_force(list(rulebook.policies.values()), now)
        if is_desk_alone and policy.intake.desk_acts_for_city:
            self._senders |= {Sender.CITY}

    def may_send(self, kind: MessageType, raw: RawMessage) -> bool:
        """Return whether the sender may send such a message in his own name."""
        return not isinstance(self(kind, raw), LazyText)

    def __call__(self, kind: MessageType, raw: RawMessage) -> RawMessage | LazyText:
        """Return the message with its sender's name; a text says why he may not send it."""
        sender = self._sender
        if sender.is_owner:
            return raw
        wanted = senders_of(kind, raw)
        if not wanted:
            return lazy("only a change of the units sends {type} (`hotline units`)", type=kind)
        speaks = wanted & self._senders
        if not speaks:
            return lazy(
                "{who} ({user_role}) may not speak for: {senders}; let somebody send it who may",
                who=sender.name,
                user_role=sender.role,
                senders=", ".join(sorted(wanted)),
            )
        if sender.unit is not None and not self._is_own_unit(speaks, raw):
            return lazy(
                "{who} may speak for {unit} alone; let somebody send it who may",
                who=sender.name,
                unit=sender.unit,
            )
        return self._signed(raw, speaks) if kind in NAMES_SENDER else raw

    def _is_own_unit(self, speaks: frozenset[Sender], raw: RawMessage) -> bool:
        named = raw.get("unit")
        if speaks != {Sender.UNITS} or not isinstance(named, str) or self._directory is None:
            return False
        return self._unit is not None and self._directory.resolve(named) == self._unit

    def _signed(self, raw: RawMessage, speaks: frozenset[Sender]) -> RawMessage | LazyText:
        """Return the message with `by` naming its sender."""
        name, by = self._sender.name, raw.get("by")
        if by == name:
            return raw
        if by is None:
            return {**raw, "by": name}
        if Sender.DESK in speaks:
            return lazy("`by` must be the sender's own name, {who}, or absent", who=name)
        # the city's own people act there, and a gateway passes on what they did
        return {**raw, "by": f"{by} ({name})"}
