"""Check the broker: whether it can be used, its clock, and its memory."""

from collections.abc import Iterator
from datetime import datetime

import redis

from models.clock import system_clock
from models.errors import HotlineError
from models.i18n import _, render
from scripts.service.check_result import GOOD, PROBLEM, CheckResult
from scripts.service.clock_checks import check_clock
from workers.broker import Bells, connect
from workers.broker_errors import broker_fault

_MAX_MEMORY_SHARE = 0.7
_NO_EVICTION = "noeviction"


def check_broker(url: str) -> Iterator[CheckResult]:
    """Ask the broker for its time, its memory and the bells that wait."""
    try:
        broker = connect(url)
    except HotlineError as error:
        yield CheckResult("broker", PROBLEM, str(error))
        return
    try:
        asked_at = system_clock()
        seconds, micros = broker.client.time()
        memory = broker.client.info("memory")
        bells = Bells(broker).waiting()
    except redis.RedisError as error:
        why = render(broker_fault(error, with_tls=url.startswith("rediss:")))
        text = _("cannot be used: {why}").format(why=why)
        yield CheckResult("broker", PROBLEM, text, _("no data is lost meanwhile"))
        return
    finally:
        broker.close()
    yield CheckResult("broker", GOOD, _("{n} bells wait").format(n=sum(bells.values())))
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
