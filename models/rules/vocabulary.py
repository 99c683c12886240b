"""The closed lists of the hotline: every code once, with its words in both languages beside it.

A code is what the store, messages and events hold. Its `label` is the English text shown to people,
a message id whose Chinese the catalogue has. `chinese` is the Chinese label that a message may
write instead of the code (where a list has none, its codes never come in messages). The file is
long because nothing repeats what is in it.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Self

from models.i18n import N_, _, render_values


class Code(StrEnum):
    """A code of a closed list; it is a plain text everywhere a text is wanted."""

    label: str
    chinese: str

    def __new__(cls, value: str, label: str = "", chinese: str = "") -> Self:
        """Make the member; its value is the code alone."""
        code = str.__new__(cls, value)
        code._value_ = value
        code.label = label
        code.chinese = chinese
        return code

    def __repr__(self) -> str:
        """Show the plain text, also within a list that is printed."""
        return str.__repr__(self)


def label(codes: type[Code], code: str | None) -> str:
    """Return the label of a code in the language shown; an unknown code is shown as it is.

    A store may hold codes of a newer version.
    """
    if not code:
        return ""
    try:
        return _(codes(code).label)
    except ValueError:
        return code


class Status(Code):
    """The status of a ticket (诉求事项)."""

    RECEIVED = N_("received"), N_("received")
    MANUAL = N_("manual"), N_("manual queue")
    DISPATCHED = N_("dispatched"), N_("to be accepted")
    RETURNED = N_("returned"), N_("returned")
    DISPUTED = N_("disputed"), N_("disputed")
    HANDLING = N_("handling"), N_("in hand")
    SUBMITTED = N_("submitted"), N_("under review")
    COMPLETED = N_("completed"), N_("completed")
    ARCHIVED = N_("archived"), N_("archived")
    DECLINED = N_("declined"), N_("declined")


CLOSED = (Status.COMPLETED, Status.ARCHIVED, Status.DECLINED)
"""Statuses in which no unit owes a result."""

OPEN = tuple(status for status in Status if status not in CLOSED)
"""Statuses from receipt to submission: somebody has still to act."""


class Level(Code):
    """A level of the ladder, in the order in which they are raised (Regulation 5.1-5.3)."""

    PREWARNING = N_("prewarning"), N_("pre-warning")
    YELLOW = N_("yellow"), N_("yellow card")
    RED = N_("red"), N_("red card")


class Category(Code):
    """The category of a ticket (Regulation 1.2); each has a term of its own (3.4.1-4)."""

    CONSULTATION = N_("consultation"), N_("consultation"), "咨询"
    SUGGESTION = N_("suggestion"), N_("suggestion"), "意见建议"
    HELP = N_("help"), N_("help"), "求助"
    COMPLAINT = N_("complaint"), N_("complaint"), "投诉举报"


class Emergency(Code):
    """The kind of an emergency (Regulation 3.4)."""

    DISASTER = N_("disaster"), N_("disaster"), "灾害事故"
    VULNERABLE = N_("vulnerable"), N_("people in need"), "困难群体"
    PUBLIC_HEALTH = N_("public_health"), N_("public health"), "公共卫生"
    UTILITIES = N_("utilities"), N_("utilities"), "市政设施"


class IntakeChannel(Code):
    """The way by which the claimant reached the hotline."""

    PHONE = "phone", N_("telephone"), "电话"
    WEB = "web", N_("website"), "网站"
    APP = "app", N_("mobile app"), "客户端"
    MINI_PROGRAM = "mini_program", N_("mini program"), "小程序"


class ClockName(Code):
    """The clocks (时限) that a ticket may have."""

    ACCEPT = N_("accept"), N_("acceptance")
    EVIDENCE = N_("evidence"), N_("evidence in the dispute")
    HANDLING = N_("handling"), N_("handling term")
    ON_SITE = N_("on_site"), N_("on site")
    EMERGENCY_REPORT = N_("emergency_report"), N_("emergency report")
    FIRST_CONTACT = N_("first_contact"), N_("first contact")
    CLOSING_CONTACT = N_("closing_contact"), N_("closing contact")
    SURVEY = N_("survey"), N_("survey")
    PROOF = N_("proof"), N_("proof of contact")
    DESIGNATION = N_("designation"), N_("answer to the designation")
    ASSIGNMENT = N_("assignment"), N_("assignment of a unit")
    RETURN_REVIEW = N_("return_review"), N_("review of the return")
    RESULT_REVIEW = N_("result_review"), N_("review of the result")
    MEDIATION = N_("mediation"), N_("mediation of the dispute")
    REVISIT = N_("revisit"), N_("revisit")


EMERGENCY_CLOCKS = (ClockName.ON_SITE, ClockName.EMERGENCY_REPORT)
"""The two clocks of an emergency (Regulation 3.4)."""


class DenialAnswer(Code):
    """How a claimant's denial of a contact was answered (Regulation 4.3)."""

    PROVED = N_("proved"), N_("proved")
    ABSENT = N_("absent"), N_("deemed not contacted")


class DutyChange(Code):
    """What happened to a duty, as the notice of it says."""

    STARTED = N_("started"), N_("begins")
    MOVED = N_("moved"), N_("has a new deadline")
    MET = N_("met"), N_("is discharged")
    CANCELLED = N_("cancelled"), N_("no longer applies")
    PASSED_ON = N_("passed_on"), N_("is taken over")


class ClockState(Code):
    """The state of a clock; all but `running` say how it ended."""

    RUNNING = N_("running"), N_("running")
    MET = N_("met"), N_("in time")
    LATE = N_("late"), N_("late")
    CANCELLED = N_("cancelled"), N_("cancelled")
    EXPIRED = N_("expired"), N_("expired")


class DutyOutcome(Code):
    """The outcome of a duty, as the bulletin counts it.

    `absent` is a contact that the claimant denied and nobody proved (Regulation 4.3).
    """

    MET = "met", N_("in time")
    LATE = "late", N_("late")
    EXPIRED = "expired", N_("expired")
    ABSENT = "absent", N_("deemed not contacted")


class Rating(Code):
    """The claimant's rating of the result (Regulation 4.4)."""

    VERY_SATISFIED = N_("very_satisfied"), N_("very satisfied"), "非常满意"
    SATISFIED = N_("satisfied"), N_("satisfied"), "满意"
    BASICALLY_SATISFIED = N_("basically_satisfied"), N_("basically satisfied"), "基本满意"
    DISSATISFIED = N_("dissatisfied"), N_("dissatisfied"), "不满意"
    VERY_DISSATISFIED = N_("very_dissatisfied"), N_("very dissatisfied"), "非常不满意"


DISSATISFIED = (Rating.DISSATISFIED, Rating.VERY_DISSATISFIED)
SATISFIED = tuple(rating for rating in Rating if rating not in DISSATISFIED)


class ContactWish(Code):
    """The claimant's wish to be contacted, or not."""

    WANTED = "wanted", N_("contact wanted"), "需要联系"
    UNWANTED = "unwanted", N_("no contact wanted"), "不需要联系"


class ContactPurpose(Code):
    """The purpose of a contact with the claimant (Regulation 4)."""

    FIRST = "first", N_("first contact"), "首次联系"
    CLOSING = "closing", N_("closing contact"), "办结联系"
    SURVEY = "survey", N_("survey"), "满意度测评"
    REVISIT = "revisit", N_("revisit"), "回访"
    PROOF = "proof", N_("proof given"), "举证"
    WITHDRAWAL = "withdrawal", N_("withdrawal")
    """Only in the log: the unit guides the claimant how to withdraw (3.6)."""


class ContactOutcome(Code):
    """The outcome of a contact with the claimant."""

    REACHED = "reached", N_("reached"), "已联系"
    NO_ANSWER = "no_answer", N_("no answer"), "无人接听"
    WRONG_NUMBER = "wrong_number", N_("wrong number"), "号码错误"
    REFUSED = "refused", N_("refused to talk"), "拒绝沟通"
    CONFIRMED = "confirmed", N_("confirmed")
    """Only in the log: a revisit confirmed the rating (4.5)."""


class ContactMethod(Code):
    """The method of a contact with the claimant."""

    PHONE = "phone", N_("telephone"), "电话"
    SMS = "sms", N_("text message"), "短信"
    VISIT = "visit", N_("visit"), "上门"
    ONLINE = "online", N_("online"), "在线"


class Slot(Code):
    """Periods of a day in which a claimant is called (时段, Regulation 4.3)."""

    MORNING = "morning", N_("morning")
    AFTERNOON = "afternoon", N_("afternoon")
    EVENING = "evening", N_("evening")


class WithdrawnTo(Code):
    """The side that the claimant told of his withdrawal (Regulation 3.6)."""

    HOTLINE = "hotline", N_("hotline"), "热线"
    UNIT = "unit", N_("handling unit"), "承办单位"


class RestartCause(Code):
    """The cause for which a term begins again (Regulation 3.4.7)."""

    FORCE_MAJEURE = N_("force_majeure"), N_("force majeure"), "不可抗力"
    LAW_CHANGE = N_("law_change"), N_("change of law"), "法规调整"


class Disposal(Code):
    """The way in which a unit disposed of the matter (Regulation 3.7)."""

    ORDINARY = "ordinary", N_("ordinary handling"), "一般办理"
    ADMINISTRATIVE_CASE = "administrative_case", N_("administrative case"), "行政立案"
    JUDICIAL_TRANSFER = "judicial_transfer", N_("handed over to justice"), "移送司法"


class RevisitOutcome(Code):
    """The outcome of a call to a dissatisfied claimant (Regulation 4.5)."""

    CONFIRMED = "confirmed", N_("confirmed"), "属实"
    CORRECTED = "corrected", N_("corrected"), "更正"


class Decider(Code):
    """The level at which a dispute was decided (Regulation 3.3)."""

    DISTRICT = "district", N_("district hotline"), "区热线"
    LEADER = "leader", N_("district leader"), "区分管领导"


class Ground(Code):
    """Grounds for a talk with a unit (约谈提醒, Regulation 6.1)."""

    SHIRKING = N_("shirking"), N_("shirking"), "推诿扯皮"
    PERFUNCTORY = N_("perfunctory"), N_("perfunctory"), "敷衍搪塞"
    FALSIFIED = N_("falsified"), N_("falsified"), "弄虚作假"
    ATTITUDE = N_("attitude"), N_("attitude"), "态度生硬"
    REFUSED_ASSIGNMENT = N_("refused_assignment"), N_("refused assignment"), "拒不承接"


class Recipient(Code):
    """The role of a notice's recipient."""

    UNIT_CONTACT = N_("unit_contact"), N_("unit's contact")
    DEPUTY_LEADER = N_("deputy_leader"), N_("deputy leader")
    PRINCIPAL_LEADER = N_("principal_leader"), N_("principal leader")
    DISTRICT_DESK = N_("district_desk"), N_("district desk")
    DISTRICT_LEADER = N_("district_leader"), N_("district leader")
    CITY_HOTLINE = N_("city_hotline"), N_("city hotline")
    CLAIMANT = N_("claimant"), N_("claimant")


HOTLINE_HOLDERS = (Recipient.DISTRICT_DESK, Recipient.CITY_HOTLINE)
"""The holders of duties that are no units."""

RECIPIENTS_OF_A_UNIT = (
    Recipient.UNIT_CONTACT,
    Recipient.DEPUTY_LEADER,
    Recipient.PRINCIPAL_LEADER,
)
"""Roles that every unit has somebody for; the others are one for the whole district."""


class NoticeKind(Code):
    """The kind of a notice (通知).

    The labels say in the log what happened; `models/policy/notices.toml` has the headings that
    recipients read in a subject.
    """

    PREWARNING = N_("prewarning"), N_("pre-warning")
    YELLOW = N_("yellow"), N_("yellow card")
    RED = N_("red"), N_("red card")
    DISPATCHED = N_("dispatched"), N_("dispatched to the unit")
    DEEMED_ACCEPTED = N_("deemed_accepted"), N_("deemed accepted")
    RETURNED = N_("returned"), N_("returned by the unit")
    RETURN_REFUSED = N_("return_refused"), N_("the return is refused")
    EVIDENCE_ASKED = N_("evidence_asked"), N_("evidence asked for")
    DESIGNATED = N_("designated"), N_("designated")
    DECLINED = N_("declined"), N_("not taken")
    EXPIRED = N_("expired"), N_("a clock has expired")
    UNREACHABLE = N_("unreachable"), N_("claimant unreachable")
    CONTACT_REMINDER = N_("contact_reminder"), N_("call again")
    PROOF_ASKED = N_("proof_asked"), N_("proof of contact asked for")
    RESULT_SUBMITTED = N_("result_submitted"), N_("a result is in")
    RESULT_REFUSED = N_("result_refused"), N_("the result is refused")
    DISSATISFIED = N_("dissatisfied"), N_("the claimant is dissatisfied")
    REVISITED = N_("revisited"), N_("revisited")
    SECOND_HANDLING_OFFERED = N_("second_handling_offered"), N_("second handling offered")
    REWORK = N_("rework"), N_("second handling")
    JOINED = N_("joined"), N_("asked to help")
    URGED = N_("urged"), N_("urged")
    WITHDRAWN = N_("withdrawn"), N_("withdrawn")
    WITHDRAWAL_GUIDANCE = N_("withdrawal_guidance"), N_("how to withdraw")
    CORRECTION = N_("correction"), N_("correction")
    UNROUTED = N_("unrouted"), N_("to be assigned")
    DISPUTE_OPENED = N_("dispute_opened"), N_("a dispute to be led")
    RELEASED = N_("released"), N_("released")
    SUPPLEMENTED = N_("supplemented"), N_("supplemented by the claimant")
    RESTARTED = N_("restarted"), N_("term restarted")
    EXTENSION_GRANTED = N_("extension_granted"), N_("extension granted")
    EXTENSION_REFUSED = N_("extension_refused"), N_("extension refused")
    COMPLETED = N_("completed"), N_("result accepted")
    AMENDED = N_("amended"), N_("ticket amended")
    SUCCEEDED = N_("succeeded"), N_("taken over from another unit")
    GRAVE_CONDUCT = N_("grave_conduct"), N_("grave conduct")
    DUTIES_CHANGED = N_("duties_changed"), N_("duties have changed")


class NoticeState(Code):
    """The state of a notice; one is dropped when its occasion is over before it goes out."""

    QUEUED = N_("queued"), N_("queued")
    SENT = N_("sent"), N_("sent")
    FAILED = N_("failed"), N_("failed")
    DROPPED = N_("dropped"), N_("dropped")


class MessageType(Code):
    """The types of messages that come in."""

    TICKET_RECEIVED = "ticket.received", N_("a letter")
    UNIT_ACCEPTED = "unit.accepted", N_("accepted")
    UNIT_RETURNED = "unit.returned", N_("returned by the unit")
    RETURN_REVIEWED = "return.reviewed", N_("return reviewed")
    DISPUTE_OPENED = "dispute.opened", N_("dispute opened")
    DISPUTE_EVIDENCE = "dispute.evidence", N_("evidence handed in")
    DISPUTE_DECIDED = "dispute.decided", N_("dispute decided")
    SITE_ARRIVED = "site.arrived", N_("arrived on site")
    PROGRESS_REPORTED = "progress.reported", N_("progress reported")
    CONTACT_ATTEMPTED = "contact.attempted", N_("contact")
    CONTACT_DENIED = "contact.denied", N_("contact denied")
    CONTACT_PROOF = "contact.proof", N_("proof of contact")
    EXTENSION_REQUESTED = "extension.requested", N_("extension requested")
    CLAIMANT_SUPPLEMENTED = "claimant.supplemented", N_("supplemented by the claimant")
    CLAIMANT_WITHDREW = "claimant.withdrew", N_("withdrawn")
    TERM_RESTARTED = "term.restarted", N_("term restarted")
    RESULT_SUBMITTED = "result.submitted", N_("result submitted")
    RESULT_REVIEWED = "result.reviewed", N_("result reviewed")
    SURVEY_RATED = "survey.rated", N_("rated")
    REVISIT_RECORDED = "revisit.recorded", N_("revisit")
    REWORK_REQUESTED = "rework.requested", N_("second handling asked for")
    UNIT_JOINED = "unit.joined", N_("another unit helps")
    TICKET_ASSIGNED = "ticket.assigned", N_("unit chosen")
    SCREENING_DECIDED = "screening.decided", N_("screening decided")
    UNIT_URGED = "unit.urged", N_("unit urged")
    CONDUCT_RECORDED = "conduct.recorded", N_("conduct recorded")
    TICKET_AMENDED = "ticket.amended", N_("ticket amended")
    TICKET_REASSIGNED = "ticket.reassigned", N_("unit changed by the desk")
    UNIT_SUCCEEDED = "unit.succeeded", N_("unit succeeded by another")
    NOTE_ADDED = "note.added", N_("note added")


class EventName(Code):
    """The names of the events in a ticket's log."""

    TICKET_RECEIVED = "ticket.received", N_("received")
    SCREENING_PROPOSED = "screening.proposed", N_("screening proposes")
    SCREENING_DECIDED = "screening.decided", N_("screening decided")
    TOPIC_PROPOSED = "topic.proposed", N_("topic proposed")
    TICKET_DECLINED = "ticket.declined", N_("not taken")
    TICKET_UNROUTED = "ticket.unrouted", N_("no unit found")
    TICKET_ROUTED = "ticket.routed", N_("unit chosen")
    TICKET_DISPATCHED = "ticket.dispatched", N_("sent to the unit")
    TICKET_ACCEPTED = "ticket.accepted", N_("accepted")
    TICKET_DEEMED_ACCEPTED = "ticket.deemed_accepted", N_("deemed accepted")
    TICKET_RETURNED = "ticket.returned", N_("returned by the unit")
    RETURN_APPROVED = "return.approved", N_("return approved")
    RETURN_REFUSED = "return.refused", N_("return refused")
    DISPUTE_OPENED = "dispute.opened", N_("dispute opened")
    DISPUTE_EVIDENCE = "dispute.evidence", N_("evidence handed in")
    DISPUTE_DECIDED = "dispute.decided", N_("dispute decided")
    UNIT_JOINED = "unit.joined", N_("another unit helps")
    SITE_ARRIVED = "site.arrived", N_("arrived on site")
    PROGRESS_REPORTED = "progress.reported", N_("progress reported")
    CLOCK_STARTED = "clock.started", N_("clock started")
    CLOCK_MOVED = "clock.moved", N_("clock moved")
    CLOCK_STOPPED = "clock.stopped", N_("clock stopped")
    CLOCK_EXPIRED = "clock.expired", N_("clock expired")
    ALERT_RAISED = "alert.raised", N_("level raised")
    ALERT_WITHDRAWN = "alert.withdrawn", N_("level taken back")
    DECISION_WITHDRAWN = "decision.withdrawn", N_("decision taken back")
    EXTENSION_GRANTED = "extension.granted", N_("extension granted")
    EXTENSION_REFUSED = "extension.refused", N_("extension refused")
    CONTACT_RECORDED = "contact.recorded", N_("contact recorded")
    CONTACT_UNREACHABLE = "contact.unreachable", N_("claimant unreachable")
    CONTACT_PROOF_ASKED = "contact.proof_asked", N_("proof of contact asked for")
    CONTACT_PROVED = "contact.proved", N_("contact proved")
    CONTACT_DEEMED_ABSENT = "contact.deemed_absent", N_("deemed not contacted")
    TICKET_SUPPLEMENTED = "ticket.supplemented", N_("supplemented by the claimant")
    TICKET_WITHDRAWN = "ticket.withdrawn", N_("withdrawn")
    RESULT_SUBMITTED = "result.submitted", N_("result submitted")
    RESULT_REFUSED = "result.refused", N_("result refused")
    TICKET_COMPLETED = "ticket.completed", N_("completed")
    SURVEY_OPENED = "survey.opened", N_("survey opened")
    SURVEY_RATED = "survey.rated", N_("rated")
    RATING_CORRECTED = "rating.corrected", N_("rating corrected")
    REVISIT_OPENED = "revisit.opened", N_("revisit opened")
    REWORK_OPENED = "rework.opened", N_("second handling opened")
    REWORK_REFUSED = "rework.refused", N_("second handling refused")
    TICKET_ARCHIVED = "ticket.archived", N_("archived")
    UNIT_URGED = "unit.urged", N_("unit urged")
    CONDUCT_RECORDED = "conduct.recorded", N_("conduct recorded")
    CONDUCT_PROPOSED = "conduct.proposed", N_("conduct proposed")
    NOTICE_QUEUED = "notice.queued", N_("notice queued")
    NOTICE_SENT = "notice.sent", N_("notice sent")
    NOTICE_FAILED = "notice.failed", N_("notice failed")
    NOTICE_DROPPED = "notice.dropped", N_("notice dropped")
    MESSAGE_REFUSED = "message.refused", N_("message refused")
    TICKET_AMENDED = "ticket.amended", N_("ticket amended")
    TICKET_REASSIGNED = "ticket.reassigned", N_("unit changed by the desk")
    UNIT_SUCCEEDED = "unit.succeeded", N_("unit succeeded by another")
    NOTE_ADDED = "note.added", N_("note added")
    TEXTS_ERASED = "texts.erased", N_("texts erased")


class UserRole(Code):
    """A role of the people who use the service (Regulation 6.2); see `models/security/roles.py`."""

    OPERATOR = N_("operator"), N_("operator")
    SUPERVISOR = N_("supervisor"), N_("supervisor")
    AUDITOR = N_("auditor"), N_("auditor")
    FEEDER = N_("feeder"), N_("feeder")


class Permission(Code):
    """A thing that a role may be allowed to do."""

    ACT = "act", N_("act on tickets")
    FEED = "feed", N_("feed messages")
    REVEAL = N_("reveal"), N_("see personal data in clear")
    FIND = N_("find"), N_("search by personal data")
    RULEBOOK = "rulebook", N_("import units, calendars and policies")
    KEYS = "keys", N_("change keys")
    AUDIT = "audit", N_("see who saw what")
    PUBLISH = "publish", N_("publish the bulletin")
    BACKUP = "backup", N_("make backups")
    MAINTAIN = "maintain", N_("maintain the store")
    TOKENS = "tokens", N_("issue and revoke tokens")
    ROLES = "roles", N_("change roles")
    CALL = "call", N_("see the number of a call that is due")
    ERASE = "erase", N_("erase what people wrote")
    EXPORT = "export", N_("export tickets for the archive and for auditors")


class AccessAct(Code):
    """A line of the access log that is no use of a permission on a ticket."""

    LOG_IN = "log_in", N_("logged in")
    LOG_IN_FAILED = "log_in_failed", N_("log-in failed")
    LOG_OUT = "log_out", N_("logged out")
    TOKEN_ISSUED = "token_issued", N_("token issued")
    TOKEN_REVOKED = "token_revoked", N_("token revoked")
    LIST_EXPORTED = "list_exported", N_("exported a list")
    LOG_PRUNED = "log_pruned", N_("older lines removed")


class AccessOutcome(Code):
    """The outcome of an act in the access log."""

    DONE = "done", N_("done")
    DENIED = "denied", N_("denied")
    BEYOND = "beyond", N_("done, beyond the limit")
    STOPPED = "stopped", N_("denied, beyond the limit")


class RevealReason(Code):
    """A usual reason for seeing personal data in clear; any other is written out."""

    CLAIMANT_ASKS = "claimant_asks", N_("the claimant asks about the ticket")
    HANDLING = "handling", N_("the unit needs it to handle the ticket")
    CHECKING = "checking", N_("checking facts or the address")
    REVIEW = "review", N_("reviewing a complaint or a rating")
    MENDING = "mending", N_("mending a refused message")


class ErasureGround(Code):
    """A ground on which texts are erased (Personal Information Protection Law, article 47)."""

    PURPOSE_ENDED = "purpose_ended", N_("the purpose is achieved, or cannot be")
    RETENTION_OVER = "retention_over", N_("the time of keeping is over")
    CONSENT_WITHDRAWN = "consent_withdrawn", N_("the claimant withdrew consent")
    UNLAWFUL = "unlawful", N_("they were processed against the law or an agreement")
    OTHER_LAW = "other_law", N_("another law or regulation demands it")


class Sender(Code):
    """Somebody in whose name messages come; see the table of messages in the manual."""

    CITY = "city", N_("city hotline")
    UNITS = "units", N_("units")
    DESK = "desk", N_("district desk")


class Queue(Code):
    """The queues of the broker."""

    EMERGENCY = "emergency", N_("emergency")
    INTAKE = "intake", N_("intake")
    ROUTING = "routing", N_("routing")
    CONTACT = "contact", N_("contact")
    CALLBACK = "callback", N_("callback")
    ESCALATION = "escalation", N_("escalation")
    DELIVERY = "delivery", N_("delivery")


LISTS: tuple[type[Code], ...] = tuple(Code.__subclasses__())
"""Every closed list."""

for _list in LISTS:
    for _name, _member in _list.__members__.items():
        # Python 3.11 looks a member up through a property, which costs the rules 5 % of their time;
        # from 3.12 on members are plain attributes, as they become here.
        type.__setattr__(_list, _name, _member)


_SEPARATOR = ", "
"""Between the codes or names of fields of one value."""


def _label_codes(codes: type[Code]) -> Callable[[str], str]:
    """Return a function that shows codes of a list, separated by commas, by their labels."""
    labels = {code.value: code.label for code in codes}

    def render(value: str) -> str:
        # one of another version has no label
        return _SEPARATOR.join(_(labels.get(code, code)) for code in value.split(_SEPARATOR))

    return render


def _label_allowed(value: str) -> str:
    """Show what a field may hold: the Chinese labels, which it takes too, or else the codes."""
    values = value.split(_SEPARATOR)
    for codes in LISTS:
        labels = {code.value: code.label for code in codes}
        if labels.keys() >= set(values):
            words = [_(labels[v]) for v in values]
            return value if words == [labels[v] for v in values] else _SEPARATOR.join(words)
    return value


def _label_fields(value: str) -> str:
    """Show names of fields, separated by commas, with a dot before a field within another."""
    names = value.split(_SEPARATOR)
    return _SEPARATOR.join(".".join(map(_, name.split("."))) for name in names)


# the codes in stored reasons, by the placeholders that hold them
render_values("status", _label_codes(Status))
render_values("cause", _label_codes(RestartCause))
render_values("types", _label_codes(MessageType))
render_values("senders", _label_codes(Sender))
render_values("user_role", _label_codes(UserRole))
render_values("allowed", _label_allowed)
render_values("name", _label_fields)
render_values("names", _label_fields)
