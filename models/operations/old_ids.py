"""Key the digests in the ids of messages that an earlier release has taken in."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select

from models.bulk import RowValues, update_rows
from models.database import Session, Store, columns_to_decrypt
from models.operations.batches import in_batches
from models.rules.messages import Envelope
from models.rules.vocabulary import MessageType
from models.security.binding import ForgedValue, TextsErased
from models.security.encryption import KeyUnusable
from models.security.message_ids import inbox_id, keyed_id
from models.sql_types import SelectedRow
from models.tables.core import INBOX

_DIGEST_LENGTH = 32


def key_message_ids(store: Store) -> None:
    """Give messages the ids under which they would be taken in now.

    A batch is a transaction. If it is interrupted, it is begun again, and ids that are keyed stay.
    A message that cannot be decrypted keeps its id, since its body is bound to that; so does one
    whose id is a digest while its texts, which would say whether it is, are erased.
    """
    with_digests = (
        select(*columns_to_decrypt(INBOX.c.body))
        .where(
            or_(
                INBOX.c.message_id.contains("#"),
                func.length(INBOX.c.message_id) >= _DIGEST_LENGTH,
            )
        )
        .with_for_update(of=INBOX)
    )
    in_batches(store, with_digests, [INBOX.c.id], _key)


def _key(session: Session, rows: Sequence[SelectedRow]) -> None:
    session.load_salts({row.ticket for row in rows})
    keyed = [values for row in rows if (values := _keyed_row(session, row)) is not None]
    update_rows(session.connection(), INBOX, keyed)


def _keyed_row(session: Session, row: SelectedRow) -> RowValues | None:
    """Return the new id of a row and its body, bound to that; None if the row stays."""
    try:
        body = session.decrypt(INBOX.c.body, row)
    except (ForgedValue, KeyUnusable):
        return None
    except TextsErased:
        message_id = keyed_id(session.cipher, row.message_id)
        return None if message_id == row.message_id else {"id": row.id, "message_id": message_id}
    envelope = Envelope(row.message_id, row.at, MessageType(row.type), row.ticket)
    message_id = inbox_id(session.cipher, envelope, body)
    if message_id == row.message_id:
        return None
    place = {**row._mapping, "message_id": message_id}
    encrypted = session.encrypt(INBOX.c.body, body, place)
    return {"id": row.id, "message_id": message_id, "body": encrypted}
