"""Lead the operator to a ticket, a unit's list, a saved view or a screen by a typed line."""

from collections.abc import Sequence

from models.database import Session
from models.i18n import _
from models.queries.find_tickets import FoundTicket, find_tickets
from models.queries.saved_views import SavedView, saved_views
from models.rulebook import stored_units
from models.rules.personal.figures import plain_width
from monitor.host import MonitorHost
from monitor.operator.operator import Operator
from monitor.places import SCREEN, TICKET, UNIT, Places
from monitor.screens.go_to import GoToDialog

_LINE = "go to"
"""The name under which it is remembered what was opened."""

_MOST_TICKETS = 20


async def go_to(operator: Operator, host: MonitorHost) -> None:
    """Ask where to go, and open it."""
    who = operator.who.name

    def load(session: Session) -> tuple[dict[str, tuple[str, ...]], list[SavedView]]:
        units = {unit.name: tuple(unit.aliases) for unit in stored_units(session)}
        return units, saved_views(session, who)

    async def find(text: str) -> Sequence[FoundTicket]:
        wanted = plain_width(text).strip()
        return await operator.read(lambda session: find_tickets(session, wanted, _MOST_TICKETS))

    units, views = await operator.read(load)
    dialog = GoToDialog(Places(units, views), host.recent(_LINE), find)
    if (place := await operator.app.push_screen_wait(dialog)) is None:
        return
    host.remember(_LINE, place.entry)
    if place.kind == TICKET:
        host.open_detail(place.key)
    elif place.kind == UNIT:
        host.open_tickets(f"{_('unit')}:{place.key}")
    elif place.kind == SCREEN:
        host.action_go(place.key)
    else:
        host.open_view(next(saved.view for saved in views if str(saved.id) == place.key))
