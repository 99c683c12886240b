"""Texts of notices (通知文本): templates of the policy, rendered in a sandbox."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from models.i18n import _
from models.rules.limits import TEMPLATE_CHARACTERS
from models.rules.vocabulary import NoticeKind

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

HEADINGS = ("subject", "digest", "similar", "one_answer")
"""Texts beside the kinds: the subject of one notice, of several sent as one, and of several about
one matter; and a line that says how one answer serves all of these."""

PLACEHOLDERS = {
    "id": "",
    "ticket": "",
    "title": "",
    "unit": "",
    "role": "",
    "kind": "",
    "due": "",
    "clock": "",
    "duties": "",
    "urgent": "",
    "rating": "",
    "advice": "",
    "district": "",
    "count": 1,
    "tickets": "",
}
"""The names that a template may use; personal are only the ticket's number and redacted title."""

_EXAMPLES = (
    PLACEHOLDERS,
    {name: "1" if isinstance(value, str) else 2 for name, value in PLACEHOLDERS.items()},
)
"""Values that a template is tried with: none anywhere, and one everywhere, for its conditions."""


class InvalidNoticeText(ValueError):
    """A text is no template, or uses a name that there is not."""


_FILTERS = ("capitalize", "d", "default", "int", "length", "lower", "title", "trim", "truncate")
"""The filters whose result is no longer than what they are given."""

_DEEPEST = 50
"""Time to compile grows with the third power of the depth: a second for 150 nested filters."""


@cache
def _sandbox() -> "ImmutableSandboxedEnvironment":
    # imported here: most commands read a policy and render nothing
    from jinja2 import StrictUndefined  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def compile_template(text: str) -> "Template":
    """Compile a text, and try it with values for every name; raises InvalidNoticeText."""
    compiled = _compiled(text)
    if isinstance(compiled, str):
        raise InvalidNoticeText(compiled)
    return compiled


@lru_cache(maxsize=256)
def _compiled(text: str) -> "Template | str":
    """Return the template, or what is wrong with it: either takes long, and is asked for often."""
    try:
        with _refusing(text):
            if len(text) > TEMPLATE_CHARACTERS:
                raise TypeError(_("has more than {n} characters").format(n=TEMPLATE_CHARACTERS))
            _check_work(text)
            template = _sandbox().from_string(text)
            for values in _EXAMPLES:
                template.render(values)
    except InvalidNoticeText as error:
        return str(error)
    return template


@contextmanager
def _refusing(text: str) -> Iterator[None]:
    """Raise InvalidNoticeText for whatever is wrong with a template."""
    from jinja2 import TemplateError  # noqa: PLC0415

    try:
        yield
    except (
        *(TemplateError, TypeError, ValueError, ArithmeticError, RecursionError),
        # of Python, about what a template that is nested too deeply becomes
        *(SyntaxError, MemoryError),
        # of its own filters, about what they are given
        AssertionError,
    ) as error:
        message = _("{text}: {why}; it may name {names}")
        raise InvalidNoticeText(
            message.format(text=repr(text), why=error, names=", ".join(PLACEHOLDERS))
        ) from error


def _check_work(text: str) -> None:
    """Raise TypeError for a template that could do more work than its length.

    Loops, arithmetic and most filters are refused: any of them can run for a day or fill the
    memory from one line.
    """
    from jinja2 import nodes  # noqa: PLC0415

    allowed: tuple[type[nodes.Node], ...] = (
        *(nodes.Output, nodes.TemplateData, nodes.If, nodes.CondExpr, nodes.Name, nodes.Const),
        *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test),
        *(nodes.Keyword, nodes.Concat),
    )
    below: list[tuple[nodes.Node, int]] = [(_sandbox().parse(text), 0)]
    while below:
        node, depth = below.pop()
        below += [(child, depth + 1) for child in node.iter_child_nodes()]
        if depth > _DEEPEST:
            raise TypeError(_("is nested more than {n} levels deep").format(n=_DEEPEST))
        is_filter = isinstance(node, nodes.Filter) and node.name in _FILTERS
        if is_filter or isinstance(node, nodes.Template):
            continue
        if not isinstance(node, allowed):
            name = getattr(node, "name", type(node).__name__)
            raise TypeError(_("{what} is not allowed in a notice").format(what=name))


def check_text(kind: str, text: str) -> None:
    """Raise InvalidNoticeText where a text is for no known kind of notice, or is no template."""
    if kind not in tuple(NoticeKind) and kind not in HEADINGS:
        message = _("{kind} is no kind of notice; there are: {known}")
        raise InvalidNoticeText(
            message.format(kind=repr(kind), known=", ".join((*HEADINGS, *NoticeKind)))
        )
    compile_template(text)


def fill_text(texts: Mapping[str, str], kind: str, values: Mapping[str, object]) -> str:
    """Render the text of this kind on one line; `values` has a value for every placeholder.

    Raises InvalidNoticeText for a template that fails with these values alone.
    """
    template = compile_template(texts[kind])
    with _refusing(texts[kind]):
        return " ".join(template.render(values).split())
