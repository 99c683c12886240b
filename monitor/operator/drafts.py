"""Drafts of forms that were not sent: kept by ticket and form until the monitor closes."""

from collections.abc import Mapping
from typing import TypeVar

from textual.app import App

from models.i18n import _
from monitor.screens.form import Form

T = TypeVar("T")

DraftKey = tuple[str, ...]
"""The kind of a form, and the ticket or other thing that it is about."""


class Drafts:
    """Opens forms with what was left in them, and keeps it until it is sent."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._kept: dict[DraftKey, Mapping[str, str]] = {}

    async def fill_in(self, key: DraftKey, form: Form[T]) -> T | None:
        """Have a form filled in, and return its result; None where it was left.

        What stands in it is kept in either case: a result may not get through, or be held back.
        """
        form.draft = self._kept.get(key, {})
        answer = await self._app.push_screen_wait(form)
        self._kept[key] = form.left
        if answer is None and form.left:
            text = _("Not sent, kept as a draft: it is there when the form is opened again")
            self._app.notify(text, markup=False)
        return answer

    def forget(self, key: DraftKey) -> None:
        """Forget what was sent."""
        self._kept.pop(key, None)
