"""Show what a mapping would read of a file: a few rows, redacted, and what it would refuse."""

import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

from models.i18n import _, render
from models.rules.particulars import read_particulars
from models.rules.redaction import redact_address, redact_name, redact_phone
from models.rules.text import clean, one_line
from models.rules.titles import redacted_title
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import UNFILLED, load_mapping

_PREVIEWED = 5
_TITLE = 30


def preview(path: Path, mapping: str, options: FeedOptions) -> str:
    """Read the first rows by the mapping; returns them as comments, redacted."""
    if f'"{UNFILLED}"' in mapping:
        text = _('No mapping is taken with a "{unfilled}" in it: fill it in, then try it.')
        return f"\n# {text.format(unfilled=UNFILLED)}\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mapping.toml"
        file.write_text(mapping, "utf-8")
        load_mapping(file)
        with_mapping = FeedOptions(format=options.format, mapping=file)
        records = list(islice(read_feed(path, with_mapping), 1_000))
    refused = Counter(render(record.why) for record in records if record.why is not None)
    taken = [record for record in records if record.message is not None]
    count = _("Of the first {n} rows {taken} would be read:")
    lines = ["", count.format(n=len(records), taken=len(taken))]
    for record in taken[:_PREVIEWED]:
        lines.append(_redacted_line(record.message or {}))
        lines += [f"    {later['type']} {later.get('at', '')}" for later in record.later]
    lines += [f"{n} x {one_line(why)}" for why, n in refused.most_common(_PREVIEWED)]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _redacted_line(message: dict[str, Any]) -> str:
    person = message.get("claimant", {})
    parts = {
        "ticket": message["ticket"],
        "at": message["at"],
        "category": message.get("category"),
        "title": redacted_title(read_particulars(message), str(message.get("category")), _TITLE),
        "name": redact_name(person.get("name", "")),
        "phone": redact_phone(person.get("phone", "")),
        "address": redact_address(message.get("address", "")),
        "unit": message.get("unit"),
    }
    return clean("  ".join(f"{k}={v}" for k, v in parts.items() if v)).replace("\n", " ")
