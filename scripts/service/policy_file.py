"""Compare the policy file of the settings with what the store holds."""

from typing import NamedTuple

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.queries.policies import policy_versions
from models.rules.policy import changed_values, load_policy
from models.settings import Settings
from scripts.bootstrap import policy_text


class PolicyFileNote(NamedTuple):
    """A remark about the policy file: what is so, and what to do."""

    text: str
    advice: str


def policy_file_note(session: Session, settings: Settings) -> PolicyFileNote | None:
    """Return what to say where the file of HOTLINE_POLICY is not what the store holds.

    The file is imported by itself only into a store without a policy: a version that was withdrawn
    or replaced must not come back with the next start.
    """
    if settings.policy is None:
        return None
    file = settings.policy
    advice = _(
        "`hotline policy import {file} --dry-run` shows what it would change; then import it"
    )
    advice = advice.format(file=file)
    try:
        policy = load_policy(*policy_text(settings))
    except HotlineError as error:
        return PolicyFileNote(str(error), _("mend the file; the store's policy holds meanwhile"))
    held = {version.holds_from: version for version in policy_versions(session)}
    if (version := held.get(policy.valid_from)) is None:
        text = _("the store holds no policy from {day}, as {file} is")
        return PolicyFileNote(text.format(day=policy.valid_from, file=file), advice)
    if changes := changed_values(version.policy, policy):
        text = _("{file} differs from version {n} in the store: {values}")
        paths = ", ".join(change.path for change in changes)
        return PolicyFileNote(text.format(file=file, n=version.number, values=paths), advice)
    return None
