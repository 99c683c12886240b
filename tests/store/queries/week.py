"""A week at the hotline, small enough that what each query answers can be worked out by hand.

2026-11-02 is a Monday; the week has five working days, and it is looked at on Friday at ten.
"""

from models.database import Store
from tests.store.factories import RESULT, advance_tickets, at, feed, letter, message

NOW = at("2026-11-06T10:00")

BUREAU, HOUSING, STREET = "城市管理和综合执法局", "住房和城乡建设局", "达濠街道"

CONTACT = {"method": "phone", "evidence": "录音"}

MESSAGES = [
    # W1: a consultation that nobody answers: due on Tuesday evening, yellow on Wednesday, red on
    # Thursday morning
    letter("W1", "2026-11-02T09:00", category="consultation", title="咨询公积金"),
    message("W1", "unit.accepted", "2026-11-02T09:30"),
    # W2: a complaint under handling; its unit has called the claimant
    letter("W2", "2026-11-03T09:00", title="夜间施工", unit=HOUSING),
    message("W2", "unit.accepted", "2026-11-03T10:00", unit=HOUSING),
    message("W2", "contact.attempted", "2026-11-03T15:00", unit=HOUSING,
            purpose="first", outcome="reached", **CONTACT),
    # W3: an emergency of this morning: on site within two hours, reported within a day
    letter("W3", "2026-11-06T09:00", title="燃气泄漏", unit=HOUSING, emergency="utilities"),
    # W4: no unit is named, and nothing in it says whose it is
    letter("W4", "2026-11-05T09:00", title="其他", content="无法归类的事项，请协助处理，谢谢各位。",
           unit=None, claimant={"name": "测试者丁", "phone": "13900004444"}),
    # W5: completed in time; the claimant is dissatisfied and has not been called again
    letter("W5", "2026-11-02T10:00", title="垃圾清运", unit=STREET),
    message("W5", "unit.accepted", "2026-11-02T11:00", unit=STREET),
    message("W5", "contact.attempted", "2026-11-02T15:00", unit=STREET,
            purpose="first", outcome="reached", **CONTACT),
    message("W5", "result.submitted", "2026-11-03T10:00", unit=STREET, **RESULT),
    message("W5", "survey.rated", "2026-11-03T15:00", unit=None, rating="dissatisfied"),
    message("W5", "result.reviewed", "2026-11-04T10:00", unit=None, approved=True),
    # W6: its unit returns it; the city has not answered
    letter("W6", "2026-11-05T15:00", title="路面塌陷"),
    message("W6", "unit.returned", "2026-11-05T16:00", reason="不属本局", basis="三定方案",
            suggested_unit=HOUSING, signed_by="王副局长"),
    # W7: its claimant does not answer, in the morning and in the afternoon
    letter("W7", "2026-11-04T09:00", title="井盖缺失", unit=STREET,
           claimant={"name": "测试者庚", "phone": "0754-88123456"}),
    message("W7", "unit.accepted", "2026-11-04T10:00", unit=STREET),
    message("W7", "contact.attempted", "2026-11-04T11:00", unit=STREET,
            purpose="first", outcome="no_answer", **CONTACT),
    message("W7", "contact.attempted", "2026-11-04T15:00", unit=STREET,
            purpose="first", outcome="no_answer", **CONTACT),
    # W8: its result is in since this morning, and the survey is owed
    letter("W8", "2026-11-05T09:00", title="绿化带", category="help", unit=STREET),
    message("W8", "unit.accepted", "2026-11-05T10:00", unit=STREET),
    message("W8", "contact.attempted", "2026-11-05T11:00", unit=STREET,
            purpose="first", outcome="reached", **CONTACT),
    message("W8", "result.submitted", "2026-11-06T09:00", unit=STREET, **RESULT),
    # W9: a complaint of the week before, due tonight, and its unit never called the claimant
    letter("W9", "2026-10-28T09:00", title="油烟扰民"),
    message("W9", "unit.accepted", "2026-10-28T10:00"),
    # W10: completed this morning; the closing contact is owed
    letter("W10", "2026-11-05T09:00", title="公交站牌", unit=HOUSING),
    message("W10", "unit.accepted", "2026-11-05T10:00", unit=HOUSING),
    message("W10", "contact.attempted", "2026-11-05T11:00", unit=HOUSING,
            purpose="first", outcome="reached", **CONTACT),
    message("W10", "result.submitted", "2026-11-05T15:00", unit=HOUSING, **RESULT),
    message("W10", "survey.rated", "2026-11-05T16:00", unit=None, rating="satisfied"),
    message("W10", "result.reviewed", "2026-11-06T09:20", unit=None, approved=True),
    # W11: accepted this morning; the first contact is owed
    letter("W11", "2026-11-06T08:40", title="树木倒伏", unit=HOUSING),
    message("W11", "unit.accepted", "2026-11-06T09:10", unit=HOUSING),
]  # fmt: skip

NUMBERS = tuple(f"W{n}" for n in range(1, 12))


def one_week(store: Store) -> None:
    """Let the week happen, and leave a refused message and two that still wait."""
    feed(store, MESSAGES, at("2026-11-06T09:30"))
    advance_tickets(store, NUMBERS, NOW)
    # refused: nobody may accept what another unit has
    feed(store, [message("W2", "unit.accepted", "2026-11-06T09:40")], NOW)
    advance_tickets(store, ["W2"], NOW)
    feed(store, [letter("X1", "2026-11-06T09:50"), letter("X2", "2026-11-06T11:00")], NOW)
