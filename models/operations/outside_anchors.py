"""Copy the anchors of the store to the file outside of it."""

from models.anchor_file import AnchorFile, as_line
from models.database import Session
from models.queries.anchors import anchor_public_key, anchors, last_anchor, read_anchor


def copy_outside(session: Session, file: AnchorFile) -> int:
    """Append the anchors that the file does not have yet; returns how many.

    What is in the file stays, also where the store was set back and has gone another way since:
    the verification says so. Raises OSError.
    """
    key, newest = anchor_public_key(session), last_anchor(session)
    if key is None or newest is None:
        return 0
    last = file.last()
    if last is not None and last.signature == newest.signature.hex():
        return 0
    after = last.number if last is not None and _has(session, last.number, last.signature) else None
    if after is None:
        after = _last_common(session, file)
    lines = [as_line(anchor, key) for anchor in anchors(session, after)]
    file.append(lines)
    return len(lines)


def _has(session: Session, number: int, signature: str) -> bool:
    anchor = read_anchor(session, number)
    return anchor is not None and anchor.signature.hex() == signature


def _last_common(session: Session, file: AnchorFile) -> int:
    """Return the number of the newest anchor of the store that is in the file."""
    numbers = {anchor.signature.hex(): anchor.number for anchor in anchors(session)}
    common = (numbers.get(line.signature, 0) for line in file.lines() if line is not None)
    return max(common, default=0)
