"""Show versions of the policy, and what an import changes."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.i18n import _
from models.operations.policies import PolicyImport
from models.operations.rulebook_change import MovedClock
from models.queries.policies import PolicyVersion
from models.rules.calendar import SHANGHAI
from models.rules.policy import Policy
from scripts.rulebook.changes import clock_as_dict, clock_lines


def version_line(version: PolicyVersion) -> str:
    """A version for people: its number, its document, and when it holds."""
    text = _("version {n}: {document}, {held}")
    document = version.policy.document
    return text.format(n=version.number, document=document, held=held(version))


def held(version: PolicyVersion) -> str:
    """Return when a version holds, or what became of it."""
    if version.withdrawn_at is not None:
        day = version.withdrawn_at.astimezone(SHANGHAI).date()
        return _("withdrawn on {day}").format(day=day)
    if version.replaced_by is not None:
        return _("replaced by version {n}").format(n=version.replaced_by)
    if version.holds_until is None:
        return _("for tickets received from {day}").format(day=version.holds_from)
    text = _("for tickets received from {day} and before {end}")
    return text.format(day=version.holds_from, end=version.holds_until)


def version_as_dict(version: PolicyVersion) -> dict[str, Any]:
    """A version for programs."""
    withdrawn = version.withdrawn_at
    return {
        "version": version.number,
        "district": version.policy.district,
        "document": version.policy.document,
        "valid_from": version.policy.valid_from,
        "holds_from": version.holds_from,
        "holds_until": version.holds_until,
        "replaced_by": version.replaced_by,
        "imported_at": version.added_at.astimezone(SHANGHAI),
        "withdrawn_at": withdrawn.astimezone(SHANGHAI) if withdrawn else None,
    }


def import_lines(
    result: PolicyImport, policy: Policy, clocks: Sequence[MovedClock], *, dry_run: bool
) -> Iterator[str]:
    """The result of an import for people."""
    if result.number is None:
        yield _("The store has these values already; nothing is imported.")
        return
    if result.compared is not None:
        text = _("Values that differ from version {n}:")
        yield text.format(n=result.compared.number) if result.changes else _("No value differs.")
    for change in result.changes:
        yield f"  {change.path}: {change.before or '-'} -> {change.after or '-'}"
    if clocks:
        yield _("Open tickets keep the version that they run under (7.2). Under this one:")
        yield from (f"  {line}" for line in clock_lines(clocks))
    elif dry_run:
        yield _("Open tickets keep the version that they run under (7.2); none would differ.")
    text = _("Version {n}, for tickets received from {day} on.")
    yield text.format(n=result.number, day=policy.valid_from)
    if dry_run:
        yield _("Nothing has been changed.")


def import_as_dict(
    result: PolicyImport, policy: Policy, clocks: Sequence[MovedClock], *, dry_run: bool
) -> dict[str, Any]:
    """The result of an import for programs."""
    return {
        "version": result.number,
        "valid_from": policy.valid_from,
        "compared_with": result.compared.number if result.compared else None,
        "changes": [change._asdict() for change in result.changes],
        "open_tickets": [clock_as_dict(clock) for clock in clocks],
        "dry_run": dry_run,
    }
