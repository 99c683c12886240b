"""Read what the form of an action offers: the units to choose from, and the policy's texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from models.database import Session
from models.rulebook import RulebookCache
from models.rules.policy import in_force
from models.rules.text_templates import TextTemplate, templates_for
from monitor.action_types import Action
from monitor.screens.action_form import ActionForm

_NOTHING = Content("")


@dataclass(frozen=True, slots=True)
class FormData:
    """All units with their other names, and the templates of the policy in force."""

    units: Mapping[str, tuple[str, ...]]
    templates: tuple[TextTemplate, ...]

    def form(self, action: Action, about: str, judged: Content = _NOTHING) -> ActionForm:
        """Return the form of an action; `about` says which tickets it concerns."""
        templates = templates_for(self.templates, action.type)
        return ActionForm(action, about, self.units, templates, judged)


class FormDataReader:
    """Reads it for one operator after another form; the rulebook is loaded once."""

    def __init__(self) -> None:
        self._rulebooks = RulebookCache()

    def read(self, session: Session, now: datetime) -> FormData:
        """Return the data as of now."""
        rulebook = self._rulebooks.current(session)
        units = {name: tuple(unit.aliases) for name, unit in rulebook.directory.units.items()}
        policies = list(rulebook.policies.values())
        return FormData(units, in_force(policies, now).templates if policies else ())
