"""The definitions of the bulletin's figures, which its page holds itself.

docs/bulletin.md has the same sentences, which a test compares. A name in them between backticks is
a figure's: the page shows the figure's heading in its place.
"""

import re
from collections.abc import Iterator

from models.i18n import N_, _
from scripts.report.columns import FIGURE_TITLES

COUNTED = N_(
    "A figure belongs to the unit that held the duty when it ended, and to the month in which it "
    "ended. What another unit does with the ticket later moves no figure. A second handling has "
    "duties and a completion of its own, beside those of the first. A renamed unit counts under "
    "its present name, a merged one under the last name that it had; what two units did under one "
    "name is told apart by time."
)
"""How every figure is counted."""

FIGURES = {
    "tickets": N_(
        "the tickets received in the month, of the unit that was given them first (the holder of "
        "the first acceptance)"
    ),
    "completed": N_(
        "the completions in the month, of the unit whose result it was; a ticket completed twice "
        "counts twice"
    ),
    "rated": N_(
        "those of `completed` that have a valid rating: the last one of that result, after "
        "correction"
    ),
    "satisfied": N_("those of `rated` that are very satisfied, satisfied or basically satisfied"),
    "timed": N_(
        "the handlings that ended in the month by a result that was accepted or is under review; "
        "they end with its submission"
    ),
    "on_time": N_("those of `timed` whose result was submitted by its due"),
    "late": N_("those of `timed` whose result was submitted after its due"),
    "first_due": N_("the first contacts that ended in the month as made or expired"),
    "first_contact": N_(
        "those of `first_due` in which the claimant was contacted in time, or was unreachable in "
        "two slots, unless the claimant denied it and no proof was given"
    ),
    "closing_due": N_("the contacts after completion that ended in the month as made or expired"),
    "closing_contact": N_("those of `closing_due` that were made, as with `first_contact`"),
    "absent": N_(
        "the proofs of a contact that expired in the month: the contact is deemed not made"
    ),
    "returns": N_(
        "returns (退件) that the unit made in the month and that were not taken back, including "
        "refused ones"
    ),
    "reworks": N_("second handlings opened in the month, of the unit that handles"),
    "extensions": N_(
        "extensions granted in the month, of the unit that had accepted the ticket or had taken "
        "over from it"
    ),
    "prewarning": N_(
        "levels that take effect in the month, once per level and run, of the unit that held the "
        "ticket then, unless withdrawn; `yellow` and `red` likewise"
    ),
    "cards": N_("`yellow` and `red` together"),
    "recorded": N_("conduct that people registered in the month (6.1)"),
    "proposed": N_(
        "tickets for which the district leader designated the unit in the month and which it did "
        "not take (6.1(5))"
    ),
}
"""The definition of each figure."""

RATES = {
    "on_time_rate": N_("`on_time` of `timed`"),
    "first_contact_rate": N_("`first_contact` of `first_due`"),
    "closing_contact_rate": N_("`closing_contact` of `closing_due`"),
    "satisfaction": N_("`satisfied` of `rated`"),
}
"""The definition of each rate."""

RANK = N_(
    "the units that completed at least one ticket, by the rate on time, then by satisfaction (no "
    "rating counts as all satisfied), then by cards per completed ticket; equal units share a rank"
)
"""The definition of a rank."""

_NAME = re.compile("`([a-z_]+)`")


def definitions() -> Iterator[tuple[str, str]]:
    """Yield each figure, rate and rank by its heading with its definition."""
    for name, text in (FIGURES | RATES).items():
        yield _(FIGURE_TITLES[name]), _NAME.sub(_title, _(text))
    yield _("rank"), _(RANK)


def _title(name: re.Match[str]) -> str:
    return _('"{title}"').format(title=_(FIGURE_TITLES[name[1]]))
