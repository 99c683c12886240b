"""The saved views of the list of tickets."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import or_, select

from models.database import Session
from models.json_types import Json, JsonObject
from models.queries.ticket_order import QUEUE_ORDER, SortColumn, TicketOrder
from models.security.encryption import ForgedValue
from models.tables.core import SAVED_VIEW


@dataclass(frozen=True, slots=True)
class View:
    """A list of tickets by its name: a filter line, an order, and the keys of its columns."""

    name: str
    filter: str = ""
    order: TicketOrder = QUEUE_ORDER
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view that somebody saved, for all operators where it is shared."""

    id: int
    who: str
    is_shared: bool
    view: View


def saved_views(session: Session, who: str) -> list[SavedView]:
    """List the views that somebody may open: first their own, then those shared, by name.

    One that was altered in the database is left out.
    """
    rows = session.execute(
        select(SAVED_VIEW).where(or_(SAVED_VIEW.c.who == who, SAVED_VIEW.c.is_shared))
    )
    views = []
    for row in rows:
        try:
            view = read_view(session.decrypt(SAVED_VIEW.c.content, row))
        except ForgedValue:
            continue
        views.append(SavedView(row.id, row.who, bool(row.is_shared), view))
    return sorted(views, key=lambda saved: (saved.is_shared, saved.view.name, saved.id))


def view_content(view: View) -> JsonObject:
    """Return the content of a view's row."""
    return {
        "name": view.name,
        "filter": view.filter,
        "sort": view.order.column,
        "descending": view.order.descending,
        "columns": list(view.columns),
    }


def read_view(content: Json) -> View:
    """Return the view that a row holds; an order that this program does not know is left out."""
    values = content if isinstance(content, Mapping) else {}
    known = values.get("sort") in set(SortColumn)
    order = TicketOrder(SortColumn(values["sort"]), bool(values["descending"])) if known else None
    columns = values.get("columns")
    return View(
        str(values.get("name", "")),
        str(values.get("filter", "")),
        order or QUEUE_ORDER,
        tuple(map(str, columns)) if isinstance(columns, list) else (),
    )
