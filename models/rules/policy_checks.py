"""Check what no single value of a policy shows: wall-clock terms, and moments in their order.

A file that breaks one of these rules cannot be imported. A store may hold a version that an earlier
release took: it is loaded all the same, and `hotline doctor` names what is wrong with it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from models.i18n import _
from models.rules.notice_texts import InvalidNoticeText, check_text
from models.rules.terms import Moment, Term
from models.rules.text_templates import template_problems
from models.rules.toml_files import Problem

if TYPE_CHECKING:
    from models.rules.policy import Policy

_LONGEST_AHEAD = timedelta(days=1)


def policy_problems(policy: "Policy") -> Iterator[Problem]:
    """Yield what is wrong in a policy, each with its path and what to write instead."""
    yield from _not_wall_clock(policy)
    yield from _ladder(policy)
    if _side(policy.extension.ask_by) > 0:
        yield ("extension", "ask_by"), _("an extension is asked before the expiry: 'workday -1'")
    notices = policy.notices
    if notices.quiet_from is not None and notices.quiet_from == notices.quiet_until:
        why = _("quiet_from and quiet_until must differ; leave both out for no quiet hours")
        yield ("notices", "quiet_until"), why
    yield from _notice_texts(policy)
    yield from template_problems(policy.templates)


def _notice_texts(policy: "Policy") -> Iterator[Problem]:
    for language, texts in policy.notices.texts.items():
        for kind, text in texts.items():
            try:
                check_text(kind, text)
            except InvalidNoticeText as error:
                yield ("notices", "texts", language, kind), str(error)


def _not_wall_clock(policy: "Policy") -> Iterator[Problem]:
    terms: Sequence[tuple[str, str, Term]] = (
        ("terms", "on_site", policy.terms.on_site),
        ("terms", "emergency_report", policy.terms.emergency_report),
        ("intake", "ahead", policy.intake.ahead),
        ("intake", "wait_for_receipt", policy.intake.wait_for_receipt),
        ("notices", "gather", policy.notices.gather),
        ("notices", "similar_again", policy.notices.similar_again),
        *(("keep", name, term) for name, term in policy.keep if term is not None),
    )
    for table, name, term in terms:
        if term.wall is None:
            yield (table, name), _("it must be wall-clock time, as '2 hours' or '7 days'")
    ahead = policy.intake.ahead.wall
    if ahead is not None and ahead > _LONGEST_AHEAD:
        yield ("intake", "ahead"), _("it must be one day at most")


def _ladder(policy: "Policy") -> Iterator[Problem]:
    """A pre-warning comes before the expiry, the cards come after it, the red after the yellow."""
    levels = {str(level): moment for level, moment in policy.ladder.moments}
    if _side(levels["prewarning"]) >= 0:
        why = _("a pre-warning comes before the expiry: 'workday -1' or '-2h'")
        yield ("ladder", "prewarning", "at"), why
    for name in ("yellow", "red"):
        if _side(levels[name]) < 0:
            why = _("a card comes after the expiry: 'workday +1' or '+2h'")
            yield ("ladder", name, "at"), why
    yellow, red = levels["yellow"], levels["red"]
    opening = datetime.combine(date.min, policy.office.opening) - datetime.combine(date.min, time())
    # the next working day may be far, but it never begins before its opening hour
    soon = red.workday > 0 and yellow.offset <= opening
    if bool(yellow.workday) != bool(red.workday) and not soon:
        why = _(
            "yellow and red must both be working days or both be offsets: otherwise the red "
            "card can come before the yellow one"
        )
        yield ("ladder", "red", "at"), why


def _side(moment: Moment) -> int:
    """Return -1 for a moment before the expiry, 1 for one after it, 0 for the expiry itself."""
    value = moment.workday or moment.offset / timedelta(seconds=1)
    return (value > 0) - (value < 0)
