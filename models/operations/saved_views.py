"""Save, rename and delete views of the list of tickets; whoever made a shared one may change it."""

from datetime import datetime

from sqlalchemy import delete, func, select, update

from models.database import Session
from models.errors import HotlineError
from models.i18n import _
from models.json_types import JsonObject
from models.queries.saved_views import SavedView, View, saved_views, view_content
from models.rules.text import one_line
from models.rules.vocabulary import Permission
from models.security.encryption import Encrypted
from models.security.roles import Actor, Denied
from models.sql_types import SelectedRow
from models.tables.core import SAVED_VIEW

LONGEST_NAME = 40
"""The most characters of a view's name."""

MOST_VIEWS = 100
"""The most views of one person."""


class InvalidViewName(HotlineError):
    """A view has no name, a long one, or one that another view has."""


class TooManyViews(HotlineError):
    """Somebody has as many views as one may have."""

    def __init__(self) -> None:
        super().__init__(_("you have {n} views; delete one first").format(n=MOST_VIEWS))


class ViewNotFound(HotlineError):
    """A view is not there any more."""

    def __init__(self) -> None:
        super().__init__(_("the view is not there any more"))


def save_view(
    session: Session, actor: Actor, view: View, now: datetime, *, is_shared: bool
) -> None:
    """Save a view, in place of the one of this name, own or shared.

    Raises NotAllowed, Denied where another made the shared one, InvalidViewName, TooManyViews.
    """
    actor.require(Permission.ACT)
    name = _valid_name(view.name)
    same = _of_name(saved_views(session, actor.name), name, is_shared=is_shared)
    if same is not None:
        delete_view(session, actor, same.id)
    mine = select(func.count(SAVED_VIEW.c.id)).where(SAVED_VIEW.c.who == actor.name)
    if (session.scalar(mine) or 0) >= MOST_VIEWS:
        raise TooManyViews
    # the content is bound to the row's number, which the database gives
    new = session.insert(SAVED_VIEW).values(
        at=now, who=actor.name, is_shared=is_shared, content=Encrypted(b"")
    )
    row = session.execute(new.returning(SAVED_VIEW)).one()
    _store_content(session, row, view_content(view) | {"name": name})


def rename_view(session: Session, actor: Actor, view_id: int, name: str) -> None:
    """Give a view another name.

    Raises NotAllowed, ViewNotFound, Denied where another made it, InvalidViewName.
    """
    saved, name = _changeable(session, actor, view_id), _valid_name(name)
    same = _of_name(saved_views(session, actor.name), name, is_shared=saved.is_shared)
    if same is not None and same.id != view_id:
        raise InvalidViewName(_("there is a view {name} already").format(name=name))
    row = session.execute(select(SAVED_VIEW).where(SAVED_VIEW.c.id == view_id)).one()
    _store_content(session, row, view_content(saved.view) | {"name": name})


def _store_content(session: Session, row: SelectedRow, content: JsonObject) -> None:
    encrypted = session.encrypt(SAVED_VIEW.c.content, content, row)
    session.execute(update(SAVED_VIEW).where(SAVED_VIEW.c.id == row.id).values(content=encrypted))


def delete_view(session: Session, actor: Actor, view_id: int) -> None:
    """Delete a view. Raises NotAllowed, ViewNotFound, Denied where another made it."""
    _changeable(session, actor, view_id)
    session.execute(delete(SAVED_VIEW).where(SAVED_VIEW.c.id == view_id))


def may_change(actor: Actor, saved: SavedView) -> bool:
    """Return whether somebody may change a view: its maker, and whoever maintains the store."""
    return saved.who == actor.name or (saved.is_shared and actor.may(Permission.MAINTAIN))


def _changeable(session: Session, actor: Actor, view_id: int) -> SavedView:
    actor.require(Permission.ACT)
    views = saved_views(session, actor.name)
    saved = next((saved for saved in views if saved.id == view_id), None)
    if saved is None:
        raise ViewNotFound
    if not may_change(actor, saved):
        text = _("{view} is a view of {who}, who may change it; so may a supervisor")
        raise Denied(text.format(view=saved.view.name, who=saved.who), actor, Permission.MAINTAIN)
    return saved


def _of_name(views: list[SavedView], name: str, *, is_shared: bool) -> SavedView | None:
    same = (v for v in views if v.is_shared is is_shared and v.view.name == name)
    return next(same, None)


def _valid_name(name: str) -> str:
    name = one_line(name)
    if not 0 < len(name) <= LONGEST_NAME:
        text = _("give the view a name of 1 to {n} characters")
        raise InvalidViewName(text.format(n=LONGEST_NAME))
    return name
