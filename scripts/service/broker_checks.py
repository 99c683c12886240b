"""Check the broker: whether it can be used, its clock, and its memory."""

from collections.abc import Iterator
from datetime import datetime

import redis

from models.clock import system_clock
from models.errors import HotlineError
from models.i18n import N_, _, counted
from models.rules.calendar import SHANGHAI
from scripts.service.check_result import GOOD, NOTE, PROBLEM, CheckResult
from scripts.service.clock_checks import check_clock
from workers.broker import Bells, connect
from workers.broker_errors import BrokerUnsuitable, require_queues
from workers.broker_keys import OtherStore, namespace_of, old_keys, other_stores

_MAX_MEMORY_SHARE = 0.7
_NO_EVICTION = "noeviction"
_NO_STORE = "0" * 16


def check_broker(url: str, store_id: str | None) -> Iterator[CheckResult]:
    """Ask the broker for its time, its memory, the bells that wait, and whose keys it has.

    Where the store cannot be opened nobody knows its keys, and what they hold is not asked.
    """
    try:
        broker = connect(url, store_id or _NO_STORE)
    except HotlineError as error:
        yield CheckResult("broker", PROBLEM, str(error))
        return
    bells = Bells(broker)
    try:
        require_queues(broker.client)
        asked_at = system_clock()
        seconds, micros = broker.client.time()
        memory = broker.client.info("memory")
        waiting = bells.waiting()
        others = other_stores(broker.client, store_id) if store_id else []
        old = old_keys(broker.client)
    except BrokerUnsuitable as error:
        yield CheckResult("broker", PROBLEM, str(error))
        return
    except redis.RedisError as error:
        text = _("cannot be used: {why}").format(why=bells.fault(error))
        yield CheckResult("broker", PROBLEM, text, _("no data is lost meanwhile"))
        return
    finally:
        broker.close()
    if store_id:
        text = _("{n} bells wait; this store's keys begin with {keys}")
        text = text.format(n=sum(waiting.values()), keys=broker.namespace)
        yield CheckResult("broker", GOOD, text)
    else:
        yield CheckResult("broker", GOOD, _("it answers"))
    yield from map(_other_store, others)
    if old:
        advice = _("the timekeeper removes them an hour after the last process of that release")
        text = counted(
            len(old), N_("{n} key of an earlier release"), N_("{n} keys of an earlier release")
        )
        yield CheckResult("broker", NOTE, text, advice)
    theirs = datetime.fromtimestamp(seconds + micros / 1e6, asked_at.tzinfo)
    yield check_clock(_("the broker's clock"), theirs, asked_at)
    if (policy := memory.get("maxmemory_policy", _NO_EVICTION)) != _NO_EVICTION:
        text = _("the broker's maxmemory-policy is {policy}: a full one throws bells away")
        advice = _("set maxmemory-policy noeviction")
        yield CheckResult("memory", PROBLEM, text.format(policy=policy), advice)
    limit, used = int(memory.get("maxmemory", 0)), int(memory["used_memory"])
    if limit and used > limit * _MAX_MEMORY_SHARE:
        text = _("the broker's memory is used to {n}%").format(n=round(100 * used / limit))
        advice = _("give it more maxmemory: a full one rings no bell")
        yield CheckResult("memory", PROBLEM, text, advice)


def _other_store(other: OtherStore) -> CheckResult:
    """Name another store's keys: that is how it should be, unless there is no such store."""
    used_at = other.used_at
    used = f"{used_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if used_at else _("unknown")
    text = _("another store has keys here: {keys}, its workers last asked at {at}")
    text = text.format(keys=namespace_of(other.store_id), at=used)
    advice = _("stores may share this server; keys of a store that is gone can be deleted")
    return CheckResult("broker", NOTE, text, advice)
