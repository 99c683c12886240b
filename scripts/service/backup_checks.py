"""Check how old the last backup is, and whether whoever asks may make one."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from models.database import Session
from models.i18n import _
from models.queries.anchors import read_anchor
from models.queries.backups import last_backup_at
from models.rules.vocabulary import Permission
from models.security.tokens import TokenRefused
from models.settings import Settings
from scripts.bootstrap import keeps_store
from scripts.service.check_result import GOOD, NOTE, PROBLEM, CheckResult
from scripts.service.right_checks import asking_actor

_CHECK = "backup"
_DUE_AFTER = timedelta(hours=26)
"""A day, and two hours for one that is made every night."""


def check_backup(session: Session, settings: Settings, now: datetime) -> Iterator[CheckResult]:
    """Check that a backup was made within a day, where the store is older than that.

    PostgreSQL may be backed up with its own tools, of which the store knows nothing.
    """
    yield from _check_maker(session, settings, now)
    made_at, first = last_backup_at(session), read_anchor(session, 1)
    is_old = first is not None and now - first.at > _DUE_AFTER
    advice = _("run `hotline backup FOLDER` every hour; hotline-backup.timer does")
    if made_at is None:
        is_missing = is_old and session.dialect == "sqlite"
        yield CheckResult(_CHECK, PROBLEM if is_missing else NOTE, _("none was made yet"), advice)
        return
    text = _("the last one was made {n} hours ago").format(n=(now - made_at) // timedelta(hours=1))
    if now - made_at > _DUE_AFTER:
        yield CheckResult(_CHECK, PROBLEM, text, advice)
    else:
        yield CheckResult(_CHECK, GOOD, text)


def _check_maker(session: Session, settings: Settings, now: datetime) -> Iterator[CheckResult]:
    """Say so where whoever asks may make no backup."""
    try:
        actor = asking_actor(session, settings, now)
    except TokenRefused:
        # the check of roles tells of it
        return
    if not keeps_store(settings) and not actor.may(Permission.BACKUP):
        text = _("{name} may not make backups").format(name=actor.name)
        advice = _("the user of the service may, without a token, and so may supervisors")
        yield CheckResult(_CHECK, NOTE, text, advice)
