"""Texts that are shown but stand in no call that the catalogue's extractor reads.

The labels of closed lists are in `models/rules/vocabulary.py`.
"""

from models.i18n import N_

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
KEY_STATES = {
    "seals": N_("encrypts"),
    "opens": N_("decrypts"),
    "waits": N_("waits"),
    "gone": N_("gone"),
}
"""Texts for the states of a key, by the code that the JSON output has."""
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
    N_("tokens"),
    N_("reveals"),
    N_("refused message"),
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
    N_("backup"),
    N_("leftovers"),
    N_("notices"),
    N_("refused"),
    N_("units"),
    N_("calendar"),
    N_("policy"),
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
MESSAGE_FIELDS = (
    # named where a message lacks one, or has a wrong value in it
    N_("facts"),
    N_("measures"),
    N_("remedies"),
    N_("basis"),
    N_("progress"),
    N_("next_steps"),
    N_("long_term"),
    N_("reason"),
    N_("reasons"),
    N_("suggested_unit"),
    N_("signed_by"),
    N_("claimant_told"),
    N_("materials"),
    N_("statutory_limit"),
    N_("approved"),
    N_("cause"),
    N_("channel"),
    N_("disposal"),
    N_("documents"),
    N_("method"),
    N_("outcome"),
    N_("purpose"),
    N_("former_holder"),
    N_("successor"),
    N_("street"),
    N_("topic"),
    N_("address"),
    N_("why"),
    N_("decline"),
    N_("text"),
    N_("code"),
    N_("to"),
    N_("by"),
)
