"""`hotline doctor`: check an installation and say what to do about each problem."""

import locale
from collections.abc import Generator, Iterator
from datetime import date, datetime, timedelta

from models.clock import DemoClock, clock_speed, system_clock
from models.database import Session, Store, sqlite_file, sqlite_module
from models.errors import HotlineError, UnreadableValue
from models.i18n import _
from models.migrations import revision
from models.operations.store_closing import require_open
from models.operations.store_secret import unlock
from models.queries.anchors import anchor_overdue, last_anchor
from models.queries.health import patience
from models.queries.policies import policy_versions
from models.queries.service_status import (
    CALENDAR_WARNING,
    ServiceStatus,
    database_server,
    first_provisional_day,
    service_status,
)
from models.queries.store_users import users_of_another_file
from models.rulebook import load_calendar
from models.rules.calendar import SHANGHAI
from models.rules.policy import lacking_terms
from models.rules.policy_checks import policy_problems
from models.schema import NEWEST, wrong_schema
from models.security.encryption import load_cipher
from models.settings import Settings
from models.shared_clock import service_clock
from models.store_errors import StoreError, is_unreadable, outage_reason
from scripts.service.anchor_checks import OVERDUE, check_anchors
from scripts.service.backup_checks import check_backup
from scripts.service.bell_checks import check_bells
from scripts.service.broker_checks import check_broker
from scripts.service.check_result import GOOD, NOTE, PROBLEM, CheckResult
from scripts.service.clock_checks import MAX_SKEW, check_clock
from scripts.service.event_channels import check_channels_file, check_event_channels
from scripts.service.failure_checks import check_failures, check_stuck_notices
from scripts.service.forgery_checks import check_forgeries
from scripts.service.home_checks import check_home
from scripts.service.policy_file import policy_file_note
from scripts.service.right_checks import check_rights
from scripts.service.terminal import character_widths

_LATE_AFTER = timedelta(seconds=5)
_STUCK_AFTER = timedelta(seconds=90)
"""A row may wait for so long after its bell was due to be rung again."""
_AMBIGUOUS = "…·●─│█"
"""Characters that the monitor draws, and that some terminals draw two cells wide."""
_WIDE = "工"


def run_health_checks(settings: Settings, broker_url: str) -> Iterator[CheckResult]:
    """Run every check in turn; none of them changes, creates or upgrades anything."""
    yield from check_home(settings)
    store_id = yield from _check_database(settings)
    yield from check_broker(broker_url, store_id)
    yield from _check_terminal()


def _check_database(settings: Settings) -> Generator[CheckResult, None, str | None]:
    """Check the database; returns the store's id, None where the store cannot be opened."""
    file = sqlite_file(settings.store_url)
    try:
        is_missing = file is not None and not file.exists()
    except PermissionError:
        # it lies in a home of which that has been said
        return None
    if is_missing:
        advice = _("run `hotline db upgrade`")
        yield CheckResult("store", PROBLEM, _("there is no store yet"), advice)
        return None
    try:
        store = Store(settings.store_url, load_cipher(settings.key_path, settings.key))
    except HotlineError as error:
        yield CheckResult("store", PROBLEM, str(error))
        return None
    if file is not None and (users := users_of_another_file(file)):
        text = _(
            "another file was put in the place of {path}: processes {numbers} have the old one"
        )
        text = text.format(path=file, numbers=", ".join(map(str, users)))
        advice = _("restart them; what they wrote meanwhile is in the file that was taken away")
        yield CheckResult("store", PROBLEM, text, advice)
    if note := store.cipher.keyring.note():
        yield CheckResult("key file", NOTE, note)
    try:
        if not (yield from _check_opening(store)):
            return None
        yield from _check_store(store, settings)
    except (StoreError, UnreadableValue) as error:
        why = outage_reason(error)
        if is_unreadable(error):
            yield CheckResult("store", PROBLEM, why)
            return store.cipher.store_id
        advice = _("start the database, or mend HOTLINE_DATABASE_URL")
        if settings.database_url is None:
            advice = _("see HOTLINE_HOME: its folder and its disk")
        yield CheckResult("store", PROBLEM, why, advice)
        return None
    finally:
        store.close()
    return store.cipher.store_id


def _check_opening(store: Store) -> Generator[CheckResult, None, bool]:
    """Check that this program and this key open the store; returns whether they do."""
    if (schema := revision(store)) != NEWEST:
        if schema is None:
            advice = _("run `hotline db upgrade`")
            yield CheckResult("store", PROBLEM, _("there is no store yet"), advice)
        else:
            yield CheckResult("shape", PROBLEM, str(wrong_schema(schema)))
        return False
    yield CheckResult("shape", GOOD, str(schema))
    try:
        require_open(store)
        unlock(store)
    except HotlineError as error:
        yield CheckResult("key", PROBLEM, str(error))
        return False
    yield CheckResult("key", GOOD, _("the key opens the store"))
    return True


def _has_long_had_worker(status: ServiceStatus, now: datetime) -> bool:
    return any(
        p.role == "worker" and p.is_alive(now) and p.started_at <= now - OVERDUE
        for p in status.health.processes
    )


def _check_store(store: Store, settings: Settings) -> Iterator[CheckResult]:
    with store.reading() as session:
        yield from _check_server(session)
        now = system_clock()
        clock = service_clock(store)
        served = clock() if isinstance(clock, DemoClock) else now
        status = service_status(session, served)
        stuck_after = (_STUCK_AFTER + patience(session, now)) * clock_speed(clock)
        policies = _listed(_check_policies(session, settings, served))
        rights = _listed(check_rights(session, settings, now))
        stuck = _listed(check_stuck_notices(session, served))
        failed = _listed(check_failures(session, settings.home))
        unrung = _listed(check_bells(session))
        sent = _listed(check_event_channels(session, settings, now))
        forged = _listed(check_forgeries(session))
        backed_up = _listed(check_backup(session, settings, now))
        overdue_after = OVERDUE * clock_speed(clock) if _has_long_had_worker(status, now) else None
        anchored = _listed(_check_anchors(session, settings, now, served, overdue_after))
        guess = first_provisional_day(load_calendar(session), served.astimezone(SHANGHAI).date())
    if isinstance(clock, DemoClock):
        text = _("the store is a demo's: its clock shows {at}")
        at = f"{served.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
        yield CheckResult("clock", NOTE, text.format(at=at))
    yield from forged
    yield from rights
    yield from policies
    yield from anchored
    yield from backed_up
    yield from _check_processes(status, now)
    yield from _check_queues(status, served, stuck_after)
    yield from unrung
    yield from stuck
    yield from failed
    yield from check_channels_file(status.health.processes, settings, now)
    yield from sent
    if not status.units:
        advice = _("run `hotline units import FILE`")
        yield CheckResult("units", PROBLEM, _("there are no units"), advice)
    yield _check_calendar(guess, served)


def _check_anchors(
    session: Session,
    settings: Settings,
    now: datetime,
    served: datetime,
    overdue_after: timedelta | None,
) -> Iterator[CheckResult]:
    newest = last_anchor(session)
    overdue = overdue_after is not None and anchor_overdue(session, served, overdue_after)
    yield from check_anchors(newest, settings.anchors, now, overdue=overdue)


def _listed(results: Iterator[CheckResult]) -> list[CheckResult]:
    """Return what a check yields; where it meets a value that it cannot read, that ends it."""
    listed = []
    try:
        for result in results:
            listed.append(result)
    except (StoreError, UnreadableValue) as error:
        if not is_unreadable(error):
            raise
        listed.append(CheckResult("store", PROBLEM, outage_reason(error)))
    return listed


def _check_policies(session: Session, settings: Settings, now: datetime) -> Iterator[CheckResult]:
    """Check the versions that hold today or later, and the file that the settings name."""
    today = now.astimezone(SHANGHAI).date()
    mend = _("mend its file (`hotline policy show {n}` prints it), then `hotline policy import`")
    for version in policy_versions(session):
        ended = version.holds_until is not None and version.holds_until <= today
        if version.holds_from is None or ended:
            continue
        head = _("version {n}").format(n=version.number)
        problems = list(policy_problems(version.policy))
        for path, why in problems:
            text = f"{head}: {'.'.join(map(str, path))}: {why}"
            yield CheckResult("policy", PROBLEM, text, mend.format(n=version.number))
        if names := lacking_terms(version.policy):
            text = _("{version} does not set the terms {names}")
            text = text.format(version=head, names=", ".join(names))
            yield CheckResult("policy", NOTE, text, mend.format(n=version.number))
        elif not problems:
            yield CheckResult("policy", GOOD, f"{head}: {version.policy.document}")
    if (note := policy_file_note(session, settings)) is not None:
        yield CheckResult("policy", NOTE, note.text, note.advice)


def _check_server(session: Session) -> Iterator[CheckResult]:
    if session.dialect == "sqlite":
        yield CheckResult("database", GOOD, f"SQLite {sqlite_module().sqlite_version}")
        return
    asked_at = system_clock()
    server = database_server(session)
    yield CheckResult("database", GOOD, f"PostgreSQL {server.version}")
    if server.is_read_only:
        text = _("the database can only be read: it is a replica, or was set so")
        advice = _("name the server that takes changes in HOTLINE_DATABASE_URL")
        yield CheckResult("database", PROBLEM, text, advice)
    yield check_clock(_("the database's clock"), server.at, asked_at)


def _check_calendar(guess: date | None, now: datetime) -> CheckResult:
    if guess is None:
        return CheckResult("calendar", GOOD, _("the next 12 months are announced"))
    near = guess <= (now + CALENDAR_WARNING).astimezone(SHANGHAI).date()
    advice = _("when the arrangement is published: `pip install -U chinesecalendar`,")
    advice += " " + _("or `hotline calendar import FILE --year {year}`; open clocks are then moved")
    advice = advice.format(year=guess.year)
    text = _("days from {day} on are a guess").format(day=guess)
    return CheckResult("calendar", PROBLEM if near else NOTE, text, advice)


def _check_processes(status: ServiceStatus, now: datetime) -> Iterator[CheckResult]:
    processes = status.health.processes
    alive = [p for p in processes if p.is_alive(now)]
    for role, advice in (
        ("timekeeper", _("start `hotline up` or `hotline timekeeper`: nothing is rung for")),
        ("worker", _("start `hotline up` or `hotline worker`: no message is handled")),
    ):
        count = sum(p.role == role for p in alive)
        text = _("{n} at work").format(n=count)
        yield CheckResult(role, GOOD if count else PROBLEM, text, "" if count else advice)
    ahead = max((p.seen_at - now for p in processes), default=timedelta())
    if ahead > MAX_SKEW:
        text = _("a process reports from {n} s in the future")
        seconds = round(ahead.total_seconds())
        advice = _("keep the clocks of all machines by NTP")
        yield CheckResult("clock", PROBLEM, text.format(n=seconds), advice)
    lateness = max((p.lateness_ms for p in alive if p.role == "timekeeper"), default=None)
    if lateness is None:
        yield CheckResult("lateness", NOTE, _("not known: no timekeeper is at work"))
        return
    text = _("{n} ms at the last ring").format(n=lateness)
    if lateness <= _LATE_AFTER / timedelta(milliseconds=1):
        yield CheckResult("lateness", GOOD, text)
        return
    # after a flood the last bell was rung late; that is over when nothing waits any more
    over = all(q.since is None or now - q.since <= _LATE_AFTER for q in status.queues.values())
    advice = _("look at the load of the machine and of the database; more timekeepers do no harm")
    yield CheckResult("lateness", NOTE if over else PROBLEM, text, advice)


def _check_queues(
    status: ServiceStatus, now: datetime, stuck_after: timedelta
) -> Iterator[CheckResult]:
    for queue, backlog in status.queues.items():
        if backlog.since is not None and now - backlog.since > stuck_after:
            since = backlog.since.astimezone(SHANGHAI)
            text = _("{queue}: {n} rows wait, the first since {at}")
            text = text.format(queue=queue, n=backlog.rows, at=f"{since:%m-%d %H:%M:%S}")
            advice = _("see that workers for this queue run, and what their log says")
            yield CheckResult("leftovers", PROBLEM, text, advice)


def _check_terminal() -> Iterator[CheckResult]:
    encoding = locale.getpreferredencoding()
    if encoding.lower().replace("-", "") != "utf8":
        advice = _("set LANG to a UTF-8 locale, as zh_CN.UTF-8")
        yield CheckResult("encoding", PROBLEM, encoding, advice)
    widths = character_widths([*_AMBIGUOUS, _WIDE])
    if widths is None:
        yield CheckResult("terminal", NOTE, _("not checked: this is no terminal"))
        return
    too_wide = [c for c in _AMBIGUOUS if widths[c] != 1]
    if too_wide or widths[_WIDE] != 2:
        text = _("{characters} are drawn wider than one cell")
        advice = _("set the width of ambiguous characters to narrow in the terminal's settings")
        yield CheckResult("terminal", PROBLEM, text.format(characters=" ".join(too_wide)), advice)
    else:
        yield CheckResult("terminal", GOOD, _("characters are as wide as they are taken to be"))
