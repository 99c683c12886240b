"""Check a refused message that somebody mended, before it is sent again."""

from collections.abc import Mapping
from datetime import datetime

from models.database import Session
from models.i18n import LazyText, render
from models.json_types import JsonObject
from models.operations.speaking import SpeakingCheck
from models.queries.failures import RefusedMessage
from models.rulebook import load_rulebook
from models.rules.messages import RawMessage, Refusal, read_envelope, read_message, wrong_fields
from models.rules.vocabulary import MessageType, Permission
from models.security.roles import Actor, Denied


def find_wrong_fields(session: Session, body: RawMessage) -> Mapping[str, LazyText]:
    """Return why fields of a message would be refused, by name; none where it would be read.

    Checked is all that the inbox and a worker check of a message alone: its envelope, its fields
    and its units. What its ticket's state refuses is not known before a worker reads it.
    """
    envelope = read_envelope(body)
    if isinstance(envelope, Refusal):
        has_ticket = bool(str(body.get("ticket") or "").strip())
        return {"at" if has_ticket else "ticket": envelope.why}
    if reasons := wrong_fields(envelope.type, body):
        return reasons
    read = read_message(envelope.type, envelope.ticket, envelope.at, 0, body)
    content = load_rulebook(session).directory.resolve_names(read).content
    if not isinstance(content, Refusal):
        return {}
    why = content.why
    texts = {text.field: text.find_in(body) for text in why.private}
    return {why.private[0].field.partition(".")[0]: why.with_texts(texts)}


def in_own_name(
    session: Session, actor: Actor, refused: RefusedMessage, body: JsonObject, now: datetime
) -> JsonObject:
    """Return a message as the actor may send it; it was perhaps another's. Raises Denied."""
    check, kind = SpeakingCheck(session, actor, now), MessageType(refused.type)
    why = check(kind, body)
    if not isinstance(why, LazyText):
        return body
    unsigned = {field: value for field, value in body.items() if field != "by"}
    if check.may_send(kind, unsigned):
        return unsigned
    raise Denied(render(why), actor, Permission.ACT, refused.ticket, ["refused message"])
