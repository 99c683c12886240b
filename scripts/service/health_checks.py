"""`hotline doctor`: what is wrong with an installation, and what to do about it."""

import locale
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import redis

from models.clock import system_clock
from models.database import Store, StoreError, sqlite_file, sqlite_module
from models.errors import HotlineError, database_message
from models.i18n import N_, _
from models.migrations import NEWEST, revision
from models.operations.keys import unlock
from models.queries.service_status import (
    ServiceStatus,
    first_provisional_day,
    server_version,
    service_status,
)
from models.rulebook import load_calendar
from models.rules.calendar import SHANGHAI
from models.security.encryption import load_cipher
from models.security.identity import current_actor
from models.settings import Settings
from scripts.service.terminal import character_widths
from workers.broker import Bells, connect

GOOD, NOTE, WRONG = N_("good"), N_("note"), N_("wrong")

_ALIVE_WITHIN = timedelta(seconds=15)
_LATE_AFTER = timedelta(seconds=5)
_STUCK_AFTER = timedelta(minutes=2)
_SKEW = timedelta(seconds=2)
_LEAST_FREE, _LEAST_SHARE = 1 << 30, 0.05
_NEAR = timedelta(days=45)
_FULL = 0.7
_AMBIGUOUS = "…·●─│█"
_WIDE = "工"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: `state` is good, note or wrong; `advice` says what to do."""

    check: str
    state: str
    told: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """For machines."""
        return asdict(self)


def run_health_checks(settings: Settings, broker_url: str) -> Iterator[Finding]:
    """Every check in turn; it changes nothing, makes no store and brings none to a newer shape."""
    yield from _place(settings)
    yield from _database(settings)
    yield from _broker(broker_url)
    yield from _terminal()


def _place(settings: Settings) -> Iterator[Finding]:
    try:
        who = current_actor(settings)
    except HotlineError as wrong:
        yield Finding("roles", WRONG, str(wrong))
    else:
        told = _("{name} is {role}").format(name=who.name, role=_(who.role) or _("no role"))
        advice = "" if who.role else _("ask a supervisor to add you to roles.toml")
        yield Finding("roles", GOOD if who.role else NOTE, told, advice)
    if not settings.home.exists():
        told = _("there is no {path} yet").format(path=settings.home)
        yield Finding("home", WRONG, told, _("run `hotline db upgrade`"))
        return
    disk = shutil.disk_usage(settings.home)
    free = _("{free:.1f} GiB of {total:.1f} GiB are free")
    told = free.format(free=disk.free / (1 << 30), total=disk.total / (1 << 30))
    if disk.free < _LEAST_FREE or disk.free < disk.total * _LEAST_SHARE:
        yield Finding("disk", WRONG, told, _("make room, or move HOTLINE_HOME"))
    else:
        yield Finding("disk", GOOD, told)
    if settings.key is None and settings.key_path.exists():
        mode = stat.S_IMODE(settings.key_path.stat().st_mode)
        others = bool(mode & 0o077)
        advice = _("chmod 600 it, unless only this service can reach its folder")
        told = f"{settings.key_path} {mode:o}"
        yield Finding("key file", NOTE if others else GOOD, told, advice if others else "")


def _database(settings: Settings) -> Iterator[Finding]:
    file = sqlite_file(settings.store_url)
    if file is not None and not file.exists():
        yield Finding("store", WRONG, _("there is no store yet"), _("run `hotline db upgrade`"))
        return
    try:
        store = Store(settings.store_url, load_cipher(settings.key_path, settings.key))
    except HotlineError as wrong:
        yield Finding("store", WRONG, str(wrong))
        return
    try:
        yield from _store(store)
    except StoreError as wrong:
        why = database_message(wrong) or type(wrong).__name__
        yield Finding("store", WRONG, why, _("start the database, or mend HOTLINE_DATABASE_URL"))
    finally:
        store.close()


def _store(store: Store) -> Iterator[Finding]:
    if (own := revision(store)) != NEWEST:
        told = _("the store has shape {own}, the newest is {newest}")
        advice = _("make a backup, then run `hotline db upgrade`")
        yield Finding("shape", WRONG, told.format(own=own or "-", newest=NEWEST), advice)
        return
    yield Finding("shape", GOOD, str(own))
    try:
        unlock(store)
    except HotlineError as wrong:
        yield Finding("key", WRONG, str(wrong))
        return
    yield Finding("key", GOOD, _("the key opens the store"))
    began = system_clock()
    with store.reading() as session:
        if session.dialect == "sqlite":
            yield Finding("database", GOOD, f"SQLite {sqlite_module().sqlite_version}")
        else:
            version, at = server_version(session)
            yield Finding("database", GOOD, f"PostgreSQL {version}")
            yield _clock(_("the database's clock"), at, began)
        now = system_clock()
        found = service_status(session, now)
        guess = first_provisional_day(load_calendar(session), now.astimezone(SHANGHAI).date())
    yield from _service(found, now)
    near = guess is not None and guess <= (now + _NEAR).astimezone(SHANGHAI).date()
    if guess is None:
        yield Finding("calendar", GOOD, _("the next 12 months are announced"))
    else:
        advice = _("when the arrangement is published: `pip install -U chinesecalendar`,")
        advice += " " + _("or `hotline calendar import FILE`; open clocks are then moved")
        told = _("days from {day} on are a guess").format(day=guess)
        yield Finding("calendar", WRONG if near else NOTE, told, advice)


def _service(found: ServiceStatus, now: datetime) -> Iterator[Finding]:
    alive = [p for p in found.health.processes if now - p.seen_at <= _ALIVE_WITHIN]
    for role, advice in (
        ("timekeeper", _("start `hotline up` or `hotline timekeeper`: nothing is rung for")),
        ("worker", _("start `hotline up` or `hotline worker`: nothing is dealt with")),
    ):
        count = sum(p.role == role for p in alive)
        told = _("{n} at work").format(n=count)
        yield Finding(role, GOOD if count else WRONG, told, "" if count else advice)
    ahead = max((p.seen_at - now for p in found.health.processes), default=timedelta())
    if ahead > _SKEW:
        told = _("a process reports from {n} s in the future").format(
            n=round(ahead.total_seconds())
        )
        yield Finding("clock", WRONG, told, _("keep the clocks of all machines by NTP"))
    late = max((p.lateness_ms for p in alive if p.role == "timekeeper"), default=0)
    told = _("{n} ms at the last ring").format(n=late)
    slow = late > _LATE_AFTER / timedelta(milliseconds=1)
    advice = _("look at the load of the machine and of the database; more timekeepers do no harm")
    # after a flood the last ring was late, and that is over when nothing waits any more
    over = all(w.since is None or now - w.since <= _LATE_AFTER for w in found.queues.values())
    state = GOOD if not slow else NOTE if over else WRONG
    yield Finding("lateness", state, told, advice if slow else "")
    for queue, waiting in found.queues.items():
        if waiting.since is not None and now - waiting.since > _STUCK_AFTER:
            told = _("{queue}: {n} rows wait, the first since {at}").format(
                queue=queue,
                n=waiting.rows,
                at=f"{waiting.since.astimezone(SHANGHAI):%m-%d %H:%M:%S}",
            )
            advice = _("see that workers for this queue run, and what their log says")
            yield Finding("leftovers", WRONG, told, advice)
    health = found.health
    if health.notices_failed:
        told = _("{n} notices could not be delivered").format(n=health.notices_failed)
        yield Finding("notices", WRONG, told, _("mend the channel, then send them again"))
    if health.refused:
        told = _("{n} messages were refused").format(n=health.refused)
        yield Finding("refused", NOTE, told, _("have them mended and sent again"))
    if not found.units:
        yield Finding("units", WRONG, _("there are no units"), _("run `hotline units import FILE`"))


def _clock(what: str, theirs: datetime, began: datetime) -> Finding:
    ended = system_clock()
    off = max(began - theirs, theirs - ended, timedelta())
    told = _("{what} is {n} s off").format(what=what, n=round(off.total_seconds(), 1))
    if off > _SKEW:
        return Finding("clock", WRONG, told, _("keep the clocks of all machines by NTP"))
    return Finding("clock", GOOD, told)


def _broker(url: str) -> Iterator[Finding]:
    broker = connect(url)
    try:
        began = system_clock()
        seconds, micros = broker.client.time()
        memory = broker.client.info("memory")
        bells = Bells(broker).waiting()
    except redis.RedisError as wrong:
        advice = _(
            "start `hotline up` or the server that HOTLINE_BROKER_URL names; no data is lost"
        )
        yield Finding("broker", WRONG, _("cannot be reached ({why})").format(
            why=type(wrong).__name__), advice)  # fmt: skip
        return
    finally:
        broker.close()
    yield Finding("broker", GOOD, _("{n} bells wait").format(n=sum(bells.values())))
    theirs = datetime.fromtimestamp(seconds + micros / 1e6, began.tzinfo)
    yield _clock(_("the broker's clock"), theirs, began)
    most, used = int(memory.get("maxmemory", 0)), int(memory["used_memory"])
    if most and used > most * _FULL:
        told = _("the broker's memory is used to {n}%").format(n=round(100 * used / most))
        yield Finding("memory", WRONG, told, _("give it more maxmemory: a full one rings no bell"))


def _terminal() -> Iterator[Finding]:
    if locale.getpreferredencoding().lower().replace("-", "") != "utf8":
        told = locale.getpreferredencoding()
        yield Finding("encoding", WRONG, told, _("set LANG to a UTF-8 locale, as zh_CN.UTF-8"))
    found = character_widths([*_AMBIGUOUS, _WIDE])
    if found is None:
        yield Finding("terminal", NOTE, _("not looked at: this is no terminal"))
        return
    wide = [c for c in _AMBIGUOUS if found[c] != 1]
    if wide or found[_WIDE] != 2:
        told = _("{characters} are drawn wider than one cell").format(characters=" ".join(wide))
        advice = _("set the width of ambiguous characters to narrow in the terminal's settings")
        yield Finding("terminal", WRONG, told, advice)
    else:
        yield Finding("terminal", GOOD, _("characters are as wide as they are taken to be"))
