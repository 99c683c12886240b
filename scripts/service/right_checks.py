"""Check who may do what here: roles, tokens, and who saw more than the limit."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.queries.access_log import limits_passed
from models.queries.roles import changed_outside, user_as_actor, user_roles
from models.queries.tokens import actor_for_token, tokens
from models.rules.calendar import SHANGHAI
from models.rules.vocabulary import UserRole, label
from models.security.identity import ROLES_FILE, process_user
from models.security.roles import Actor
from models.settings import Settings
from scripts.service.check_result import GOOD, NOTE, PROBLEM, CheckResult

_ENDS_SOON = timedelta(days=14)


def check_rights(session: Session, settings: Settings, now: datetime) -> Iterator[CheckResult]:
    """Check roles, tokens, and how much was seen in clear."""
    yield from _check_roles(session, settings, now)
    yield from _check_tokens(session, now)
    yield from _check_reveals(session, now)


def _check_roles(session: Session, settings: Settings, now: datetime) -> Iterator[CheckResult]:
    """Check the role of whoever asks, and what others may take for roles."""
    try:
        actor = asking_actor(session, settings, now)
    except HotlineError as error:
        yield CheckResult("roles", PROBLEM, str(error))
    else:
        text = _("{name} is {role}")
        text = text.format(name=actor.name, role=label(UserRole, actor.role) or _("no role"))
        advice = "" if actor.role else _("ask a supervisor for one: hotline roles set NAME ROLE")
        yield CheckResult("roles", GOOD if actor.role else NOTE, text, advice)
    roles = user_roles(session)
    if not roles.are_set_up and any(t and t.is_valid(now) for t in tokens(session).values()):
        text = _("whoever leaves out his token has all rights, as the owner of the store")
        advice = _("give a supervisor the role: hotline roles set NAME supervisor")
        yield CheckResult("roles", NOTE, text, advice)
    file = settings.home / ROLES_FILE
    if roles.are_set_up and file.exists():
        text = _("{path} decides nothing: roles are in the store").format(path=file)
        advice = _("`hotline roles list` shows them; remove the file")
        yield CheckResult("roles", NOTE, text, advice)
    if changed := set(changed_outside(session)) - set(roles.forged):
        text = _("roles that are not as the access log says: {names}")
        text = text.format(names=", ".join(sorted(changed)))
        advice = _("give or remove them again; find out who writes to the database")
        yield CheckResult("roles", PROBLEM, text, advice)
    if roles.forged:
        text = _("roles that hotline has not given: {names}").format(names=", ".join(roles.forged))
        advice = _("they count for nothing; find out who writes to the database")
        yield CheckResult("roles", PROBLEM, text, advice)


def _check_tokens(session: Session, now: datetime) -> Iterator[CheckResult]:
    """Check for tokens that nobody has issued, and for those that end soon."""
    known = tokens(session)
    if forged := [name for name, token in known.items() if token is None]:
        text = _("tokens that hotline has not issued: {names}").format(names=", ".join(forged))
        advice = _("they open nothing; find out who writes to the database")
        yield CheckResult("tokens", PROBLEM, text, advice)
    ending = [
        token.name
        for token in known.values()
        if token is not None and token.is_valid(now) and not token.is_valid(now + _ENDS_SOON)
    ]
    if ending:
        text = _("tokens that end within {n} days: {names}")
        text = text.format(n=_ENDS_SOON.days, names=", ".join(ending))
        advice = _("revoke each and issue another: hotline tokens revoke, hotline tokens issue")
        yield CheckResult("tokens", NOTE, text, advice)


def _check_reveals(session: Session, now: datetime) -> Iterator[CheckResult]:
    for passed in limits_passed(session, now):
        text = _("{who} went beyond the limit of data seen in clear {n} times, last at {at}")
        at = f"{passed.last_at.astimezone(SHANGHAI):%m-%d %H:%M}"
        text = text.format(who=passed.who, n=passed.times, at=at)
        advice = _("ask why; `hotline access` shows each of them")
        yield CheckResult("reveals", PROBLEM, text, advice)


def asking_actor(session: Session, settings: Settings, now: datetime) -> Actor:
    """Return whoever asks. Raises TokenRefused.

    The use of a token is not noted: a check changes nothing.
    """
    if settings.token:
        return actor_for_token(session, settings.token, now)
    return user_as_actor(session, process_user(), settings.sqlite_path)
