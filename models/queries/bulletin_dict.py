"""The bulletin of a month for machines, as `--json` prints it."""

from dataclasses import asdict

from models.i18n import render
from models.json_types import JsonObject
from models.queries.bulletin import Bulletin, BulletinLine, TalkProposal
from models.queries.bulletin_topics import TopicLine
from models.queries.figures import RATES, UNIT_FIGURES
from models.rules.calendar import SHANGHAI
from models.rules.topics import UNKNOWN_TOPIC


def bulletin_as_dict(value: Bulletin) -> JsonObject:
    """Return the bulletin for machines: counts by name, rates from 0 to 1 or null."""
    publication = value.publication
    return {
        "month": str(value.month),
        "preview": publication is None,
        "edition": publication
        and {
            "published_at": publication.published_at.astimezone(SHANGHAI),
            "by": publication.who,
        },
        "units": [_plain(line) for line in value.lines],
        "total": _plain(value.total),
        "trend": [
            {"month": str(month), **{k: v for k, v in _plain(total).items() if k != "unit"}}
            for month, _lines, total in value.trend
        ],
        "proposals": [_plain_proposal(proposal) for proposal in value.proposals],
        "conduct": [_plain_proposal(proposal) for proposal in value.conduct],
        "topics": [_plain_topic(line) for line in value.topics],
        "hot_topics": [{**asdict(topic), "growth": round(topic.growth, 1)} for topic in value.hot],
        "hotline": [asdict(duty) for duty in value.hotline],
        "bodies": [
            {**_plain(sums.line), "unit": sums.parent, "bodies": list(sums.bodies)}
            for sums in value.bodies
        ],
        "corrections": [
            {
                "month": c.month,
                "unit": c.unit,
                "figure": c.figure,
                "was": c.was,
                "is": c.now,
                "tickets": list(c.tickets),
            }
            for c in value.corrections
        ],
    }


def _plain(line: BulletinLine) -> JsonObject:
    rates = {name: line.rate(name) for name in RATES}
    rank = {} if not line.unit else {"rank": line.rank}
    return {"unit": line.unit, **rank, **{f: line.count(f) for f in UNIT_FIGURES}, **rates}


def _plain_proposal(proposal: TalkProposal) -> JsonObject:
    return {
        "unit": proposal.unit,
        "clause": proposal.clause,
        "why": render(proposal.why),
        "grave": proposal.grave,
        "tickets": list(proposal.tickets),
    }


def _plain_topic(line: TopicLine) -> JsonObject:
    known = line.code not in ("", UNKNOWN_TOPIC)
    return {
        "code": line.code if known else None,
        "path": line.path or None,
        "named": bool(line.code),
        "tickets": line.tickets,
        "before": list(line.before),
    }
