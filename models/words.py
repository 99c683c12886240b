"""Codes that are shown as words: marked here, so that the catalogue has each of them."""

from collections.abc import Iterable

from models.i18n import N_

STATUSES = (
    N_("received"),
    N_("manual"),
    N_("dispatched"),
    N_("returned"),
    N_("disputed"),
    N_("handling"),
    N_("submitted"),
    N_("completed"),
    N_("archived"),
    N_("declined"),
)
LEVELS = (N_("prewarning"), N_("yellow"), N_("red"))
CATEGORIES = (N_("consultation"), N_("suggestion"), N_("help"), N_("complaint"))
CLOCKS = (
    N_("accept"),
    N_("evidence"),
    N_("on_site"),
    N_("emergency_report"),
    N_("first_contact"),
    N_("closing_contact"),
    N_("survey"),
    N_("proof"),
)
CLOCK_STATES = (N_("running"), N_("met"), N_("late"), N_("expired"), N_("cancelled"))
EMERGENCIES = (N_("disaster"), N_("vulnerable"), N_("public_health"), N_("utilities"))
ROLES = (
    N_("unit_contact"),
    N_("deputy_leader"),
    N_("principal_leader"),
    N_("district_desk"),
    N_("city_hotline"),
    N_("claimant"),
)
CAUSES = (N_("force_majeure"), N_("law_change"))
RATINGS = (
    N_("very_satisfied"),
    N_("satisfied"),
    N_("basically_satisfied"),
    N_("dissatisfied"),
    N_("very_dissatisfied"),
)
NOTICES = (
    N_("declined"),
    N_("deemed_accepted"),
    N_("return_refused"),
    N_("evidence_asked"),
    N_("designated"),
    N_("result_submitted"),
    N_("result_refused"),
    N_("rework"),
    N_("joined"),
    N_("urged"),
    N_("withdrawn"),
    N_("withdrawal_guidance"),
    N_("unreachable"),
    N_("contact_reminder"),
    N_("proof_asked"),
    N_("revisited"),
    N_("second_handling_offered"),
    N_("correction"),
)
GROUNDS = (
    N_("shirking"),
    N_("perfunctory"),
    N_("falsified"),
    N_("attitude"),
    N_("refused_assignment"),
)
FESTIVALS = (
    N_("New Year's Day"),
    N_("Spring Festival"),
    N_("Tomb-sweeping Day"),
    N_("Labour Day"),
    N_("Dragon Boat Festival"),
    N_("National Day"),
    N_("Mid-autumn Festival"),
    N_("Anti-Fascist 70th Day"),
    # the same days as the other library names them
    N_("Chinese New Year's Eve"),
    N_("Chinese New Year (Spring Festival)"),
    N_("Tomb-Sweeping Day"),
    N_("Labor Day"),
    N_("Mid-Autumn Festival"),
)
WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
ACTORS = (N_("operator"), N_("supervisor"), N_("auditor"), N_("feeder"))
ACTS = (N_("reveal"), N_("find"))
KEY_STATES = (N_("seals"), N_("opens"), N_("waits"), N_("gone"))
FIELDS = (
    N_("name"),
    N_("phone"),
    N_("address"),
    N_("title"),
    N_("content"),
    N_("log"),
    N_("identity"),
    N_("refused rows"),
)
CHECKS = (
    N_("roles"),
    N_("home"),
    N_("disk"),
    N_("key file"),
    N_("store"),
    N_("shape"),
    N_("key"),
    N_("database"),
    N_("clock"),
    N_("timekeeper"),
    N_("worker"),
    N_("lateness"),
    N_("leftovers"),
    N_("notices"),
    N_("refused"),
    N_("units"),
    N_("calendar"),
    N_("broker"),
    N_("memory"),
    N_("encoding"),
    N_("terminal"),
)
DAYS = (N_("weekend"), N_("working day"))
SHOWN = (
    # shown inside f-strings, which the catalogue's extractor does not read
    N_("due"),
    N_("provisional"),
    N_("paused"),
    N_("unit"),
    N_("level"),
    N_("type"),
    N_("status"),
    N_("Filter"),
    N_("left"),
    N_("today"),
    N_("queue"),
    N_("{n} min"),
)


def all_words() -> Iterable[str]:
    """Every code that may be shown."""
    lists = (STATUSES, LEVELS, CATEGORIES, CLOCKS, CLOCK_STATES, EMERGENCIES, ROLES, CAUSES)
    for words in (
        *lists,
        ACTORS,
        ACTS,
        KEY_STATES,
        FIELDS,
        CHECKS,
        RATINGS,
        GROUNDS,
        NOTICES,
        FESTIVALS,
        WEEKDAYS,
        DAYS,
        SHOWN,
    ):
        yield from words
