"""Check that anchors are made, and copied to where nobody reaches them through the database."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from models.anchor_file import AnchorFile
from models.i18n import N_, _
from models.security.anchors import Anchor
from scripts.service.check_result import GOOD, NOTE, PROBLEM, CheckResult

_CHECK = N_("anchors")
_COPIED_WITHIN = timedelta(minutes=5)

OVERDUE = timedelta(minutes=15)
"""Where something has had no anchor for so long, no worker makes any."""


def check_anchors(
    newest: Anchor | None, folder: Path | None, now: datetime, *, overdue: bool
) -> Iterator[CheckResult]:
    """Check the newest anchor of the store against the copy in this folder.

    `overdue` says that something has had no anchor for too long.
    """
    if newest is None:
        text = _("the anchors are gone")
        yield CheckResult(_CHECK, PROBLEM, text, _("`hotline log --verify` says what is left"))
        return
    if overdue:
        text = _("what has changed since the last anchor, {n}, is in none")
        advice = _("see what the workers' log says")
        yield CheckResult(_CHECK, PROBLEM, text.format(n=newest.number), advice)
    if folder is None:
        text = _("the last anchor is {n}; there is no copy (HOTLINE_ANCHORS is none)")
        yield CheckResult(_CHECK, NOTE, text.format(n=newest.number))
        return
    try:
        last = AnchorFile(folder).last()
        highest = max((line.number for line in AnchorFile(folder).lines() if line), default=0)
    except OSError as error:
        advice = _("let the service's user read and write {path}").format(path=folder)
        yield CheckResult(_CHECK, PROBLEM, f"{folder}: {error.strerror}", advice)
        return
    if highest > newest.number:
        text = _("the last anchor is {n}, the copy in {path} has them up to {last}")
        text = text.format(n=newest.number, path=folder, last=highest)
        advice = _("the store was set back: see `hotline log --verify`")
        yield CheckResult(_CHECK, PROBLEM, text, advice)
        return
    if last is not None and last.signature == newest.signature.hex():
        text = _("the last anchor is {n}, and its copy is in {path}")
        yield CheckResult(_CHECK, GOOD, text.format(n=newest.number, path=folder))
        return
    text = _("the last anchor is {n}, the copy in {path} ends with {last}")
    text = text.format(n=newest.number, path=folder, last=last.number if last else "-")
    # the first one is made before any worker runs
    late = newest.number > 1 and now - newest.at > _COPIED_WITHIN
    advice = _("let the service's user write there, and see what the workers' log says")
    yield CheckResult(_CHECK, PROBLEM if late else NOTE, text, advice)
