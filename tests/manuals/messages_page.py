"""The manual's page about messages, made of the types of messages themselves."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from models.i18n import speaking
from models.rules import fields as check
from models.rules.messages import CONTENT_TYPES, FIELDS, OF_SEVERAL_TICKETS, Content
from models.rules.papers import LONG_TERM_PARTS, required_parts
from models.rules.speaking import NAMES_SENDER, senders_of
from models.rules.vocabulary import Code, Disposal, MessageType, Sender, label
from tests.manuals.field_words import FIELD_WORDS, PARTS_WORDS

EXAMPLES = Path(__file__).with_name("message_examples.jsonl")

_OF_CHECKS: Mapping[object, str] = {
    check.text: "text 文字",
    check.any_text: "text 文字",
    check.flag: "`true`, `false`",
    check.texts: "list of names 名称列表",
    check.item: "item of 2.2: `1` - `11` 2.2 的项号",
    check.anything: "text, list or object 文字、列表或对象",
    check.claimant: "[object 对象](#claimant)",
    check.claimant_change: "[object 对象](#claimant)",
    check.limit: "[object 对象](#statutory_limit)",
}
_SENDERS = {Sender.CITY: "city 市热线", Sender.UNITS: "units 承办单位", Sender.DESK: "desk 区热线"}
_HEAD = "| field 字段 | required 必填 | is 含义 | values 取值 |\n|---|---|---|---|\n"

_BEGIN = """\
# Messages 消息格式

<!-- Made of the code by `make reference`; do not edit. -->

Everything that happens comes in as a message: a line of JSON Lines that `hotline feed` takes, or an
object that [`hotline listen`](administrators/listen.md) takes. Tables of a city become messages by a
mapping. UTF-8; fields that no type knows are kept and change nothing.

来件和办理过程均以“消息”报送：`hotline feed` 读取的 JSON Lines 每行一条，或由 `hotline listen`
接收的对象；市里的表格按映射转换成消息。编码为 UTF-8；未列出的字段照存，不影响办理。

A code may be written as itself or as its Chinese word. A message that cannot be applied is refused with
the reason, kept, and can be sent again: `hotline refused`. `null` is the same as leaving a field out,
but in `ticket.amended`, where it takes away what was there.

代码可写英文，也可写中文。不能受理的消息予以拒绝并说明原因，改正后可重发（`hotline refused`）。
`null` 等同于不填；只有在 `ticket.amended` 中表示删去原有内容。

## Envelope 信封

| field 字段 | required 必填 | is 含义 |
|---|---|---|
| `type` | ✓ | the type of message, see below 消息类型，见下 |
| `ticket` | ✓ | the city's number of the ticket 市热线工单号 |
| `at` | ✓ | when it happened, ISO 8601; without an offset Asia/Shanghai 发生时间，不写时区的为北京时间 |
| `id` | | the sender's id: the same again changes nothing; without one, a digest of the content 来源方的消息编号，重复报送不重复办理；不填则取内容摘要 |

These may name several tickets, in a list 以下消息的 `ticket` 可以是多个工单号的列表: {several}.

{objects}
## All types 全部类型

| type 类型 | is 含义 | from 报送方 | clause 条款 |
|---|---|---|---|
"""


def messages_page() -> str:
    """Return the page."""
    kinds = [kind for kind in CONTENT_TYPES.values() if senders_of(kind.type, {})]
    several = ", ".join(f"`{kind}`" for kind in OF_SEVERAL_TICKETS)
    examples = message_examples()
    rows = "".join(
        f"| [`{kind.type}`](#{_anchor(kind)}) | {_is(kind)} | {_from(kind)} | {_clause(kind)} |\n"
        for kind in kinds
    )
    parts = [_BEGIN.format(several=several, objects="".join(_objects())), rows]
    parts += [_section(kind, examples[kind.type]) for kind in kinds]
    return "".join(parts)


def message_examples() -> dict[str, dict[str, Any]]:
    """Return the first example of each type."""
    messages = [json.loads(line) for line in EXAMPLES.read_text("utf-8").splitlines()]
    return {message["type"]: message for message in reversed(messages)}


def _section(kind: type[Content], example: dict[str, Any]) -> str:
    fields = "".join(
        f"| `{name}` | {_required(kind, name)} | {FIELD_WORDS[name]} | {_values(field.check)} |\n"
        for name, field in FIELDS[kind.type].items()
    )
    text = json.dumps(example, ensure_ascii=False, indent=1)
    return f"\n## {kind.type}\n\n{_is(kind)}\n\n{_HEAD}{fields}\n```json\n{text}\n```\n"


def _objects() -> Iterator[str]:
    hints = {name: _hint_values(hint) for name, hint in get_type_hints(check.Claimant).items()}
    rows = "".join(f"| `{n}` | {PARTS_WORDS[n]} | {values} |\n" for n, values in hints.items())
    head = "| part 部分 | is 含义 | values 取值 |\n|---|---|---|\n"
    yield f"### claimant\n\n{head}{rows}\n"
    limit = get_type_hints(check.Limit)
    rows = "".join(f"| `{n}` | {PARTS_WORDS[n]} | {_hint_values(h)} |\n" for n, h in limit.items())
    note = "One of the three lengths. 三种期限只填一种。"
    yield f"### statutory_limit\n\n{note}\n\n{head}{rows}\n"
    rows = "".join(f"| `{n}` | {FIELD_WORDS[n]} | text 文字 |\n" for n in LONG_TERM_PARTS)
    yield f"### long_term\n\n{head}{rows}\n"


def _hint_values(hint: Any) -> str:
    kinds = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type)]
    for kind in kinds:
        if issubclass(kind, Code):
            return _values(check.OneOf(*kind))
    return "whole number 整数" if int in kinds else "text 文字"


def _values(field_check: check.Check) -> str:
    if isinstance(field_check, check.OneOf):
        return ", ".join(f"`{c}` {c.chinese}" if c.chinese else f"`{c}`" for c in field_check.codes)
    return _OF_CHECKS[field_check]


_ORDINARY = {"disposal": Disposal.ORDINARY}
_CASE = {"disposal": Disposal.ADMINISTRATIVE_CASE}


def _required(kind: type[Content], name: str) -> str:
    is_required = FIELDS[kind.type][name].required
    if not is_required and name in required_parts(kind.type, _ORDINARY):
        return "by the clause 条款要求"
    if not is_required and name in required_parts(kind.type, _CASE):
        return "unless `ordinary` 非 `ordinary` 时"
    if name == "by" and kind.type in NAMES_SENDER:
        # the token's or the user's name stands in for it
        return "✓ in files 文件中必填"
    return "✓" if is_required else ""


def _is(kind: type[Content]) -> str:
    with speaking("zh"):
        chinese = label(MessageType, kind.type)
    english = re.sub(r"\s*\([^()]*\)\.$", "", _doc(kind)).removesuffix(".")
    return f"{english} {chinese}"


def _clause(kind: type[Content]) -> str:
    clause = re.search(r"\((?:Regulation )?(\d[\d., ]*)\)", _doc(kind))
    return clause[1] if clause else ""


def _from(kind: type[Content]) -> str:
    senders = senders_of(kind.type, {})
    return ", ".join(text for sender, text in _SENDERS.items() if sender in senders)


def _doc(kind: type[Content]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _anchor(kind: type[Content]) -> str:
    return kind.type.replace(".", "")
