"""A first mapping for a table that nobody has described yet, with what it would make of it."""

import re
import tempfile
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from models.i18n import _, render
from models.rules.calendar import SHANGHAI
from models.rules.text import clean, redact_address, redact_name, redact_numbers, redact_phone
from scripts.ingest.dates import instant
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import load
from scripts.ingest.sample import Sample, sample

_SHOWN = 5

# By field, what its header is likely to say: the first that fits a column nobody has yet.
_WORDS = {
    "ticket": r"编号|单号|工单号?$|流水号|(^|_|\b)(id|key|number|no)$|request_id|case",
    "category": r"诉求类型|类别|类型|分类|category|kind",
    "title": r"主题|标题|事项名|title|subject|service_name|complaint.?type|summary",
    "content": r"详情|内容|诉求|描述|content|descri|detail|body",
    "claimant.name": r"用户|姓名|诉求人|来电人|claimant|caller|^name$",
    "claimant.phone": r"电话|手机|联系方式|phone|mobile|tel$",
    "address": r"地址|地点|address|location$",
    "street": r"街道|镇街|乡镇|sub.?district",
    "unit": r"承办单位|主办单位|办理单位|责任单位|处理部门|unit$",
}
_BEGUN = (
    r"留言时间|来电时间|受理时间|登记时间|创建|提交|created|open|requested|received"
    r"|时间|日期|date|_dt$"
)
_ENDED = r"答复|回复|办结|办毕|完成|closed|resolved|completed|answered|replied"
_REPLY = r"答复|回复|办理结果|处理结果|resolution|closure|reply|answer|status_notes"
_CODES = {
    "consultation": r"咨询|inquir|question",
    "suggestion": r"建议|suggest",
    "help": r"求助|help|request|service",
    "complaint": r"投诉|举报|complain|report",
}
_FORMS = (
    "iso",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "excel",
)
_MOST = 0.8


def suggest_mapping(path: Path, options: FeedOptions) -> str:
    """A mapping in TOML for a file, and as comments what it would read. Raises FeedError."""
    found = sample(path)
    begin = _("A first mapping; look at every line, then give it with --mapping FILE.")
    lines = [f"# {begin}"]
    lines += _mapping(path, found)
    text = "\n".join(lines) + "\n"
    return text + _preview(path, text, options)


def _mapping(path: Path, found: Sample) -> list[str]:
    dated = {i: forms for i in range(len(found.headers)) if (forms := _forms(found, i))}
    begun, ended = _moments(found, dated)
    fields = _fields(found, set(dated))
    name = re.sub(r"\W+", "-", path.stem).strip("-").lower() or "city"
    headers = [found.headers[i] for i in (*fields.values(), *begun[:1])]
    forms = list(dict.fromkeys(form for i in (*begun[:1], *ended) for form in dated[i]))
    lines = [
        f"name = {_quoted(name)}",
        f"headers = [{', '.join(map(_quoted, dict.fromkeys(headers)))}]",
        f"dates = [{', '.join(map(_quoted, forms or ['iso']))}]",
    ]
    if _ambiguous(found, begun, forms):
        choose = _("Day or month first? No date of the sample tells; choose.")
        lines.append(f"# {choose}")
    lines += ['zone = "Asia/Shanghai"', "", "[columns]"]
    columns = {field: found.headers[i] for field, i in fields.items()}
    if begun:
        columns["at"] = found.headers[begun[0]]
    for field in ("ticket", "at"):
        if field not in columns:
            missing = _("No column looks like it; no ticket can be without: write its header.")
            lines += [f"# {missing}", f'{field} = "?"']
    lines += [f"{_key(field)} = {_quoted(header)}" for field, header in columns.items()]
    if "category" in fields:
        lines += ["", "[values.category]", *_categories(found.column(fields["category"]))]
    else:
        lines += ["", "[constants]", 'category = "complaint"']
    return lines + [line for i in ended for line in _ending(found, i)]


def _fields(found: Sample, dated: set[int]) -> dict[str, int]:
    fields: dict[str, int] = {}
    for field, words in _WORDS.items():
        for index, header in enumerate(found.headers):
            free = index not in dated and index not in fields.values() and header
            if free and re.search(words, header, re.IGNORECASE) and _may_be(field, found, index):
                fields[field] = index
                break
    if "title" not in fields and "content" in fields:
        fields["title"] = fields["content"]
    return fields


def _may_be(field: str, found: Sample, index: int) -> bool:
    """Whether the data bear out what a header promises."""
    texts = found.column(index)
    if field == "ticket":
        return len(set(texts)) > _MOST * max(len(found.rows), 1)
    if field == "category":
        return 0 < len(set(texts)) <= 30
    return bool(texts) or field not in ("title", "content")


def _forms(found: Sample, index: int) -> list[str]:
    """The forms that the dates of a column are in; none if most are no dates."""
    texts = found.column(index)
    cells = [row[index] for row in found.rows if index < len(row) and row[index] not in (None, "")]
    if not texts or not re.search(f"{_BEGUN}|{_ENDED}", found.headers[index], re.IGNORECASE):
        return []
    counts = Counter(
        form
        for cell in cells
        for form in _FORMS
        if not isinstance(cell, date) and instant(cell, (form,), SHANGHAI) is not None
    )
    if sum(instant(c, _FORMS, SHANGHAI) is not None for c in cells) < _MOST * len(cells):
        return []
    # of two readings of the same dates only the one that more of them bear
    day, month = (sum(counts[f] for f in counts if f.startswith(p)) for p in ("%d/%m", "%m/%d"))
    wrong = "%m/%d" if day >= month else "%d/%m"
    return [form for form, _n in counts.most_common() if not form.startswith(wrong)]


def _ambiguous(found: Sample, begun: list[int], forms: list[str]) -> bool:
    if not begun or not any(form.startswith(("%d/%m", "%m/%d")) for form in forms):
        return False
    parts = (re.match(r"(\d+)/(\d+)/", text) for text in found.column(begun[0]))
    return not any(max(int(p[1]), int(p[2])) > 12 for p in parts if p)


def _moments(found: Sample, dated: dict[int, list[str]]) -> tuple[list[int], list[int]]:
    """The columns of the letter's date, the likeliest first, and of those of what came of it."""
    ended = [i for i in dated if re.search(_ENDED, found.headers[i], re.IGNORECASE)]
    begun = [i for i in dated if i not in ended]
    order = _BEGUN.split("|")

    def likely(index: int) -> int:
        header = found.headers[index]
        return next(n for n, w in enumerate([*order, ""]) if re.search(w, header, re.IGNORECASE))

    return sorted(begun, key=likely), ended[:1]


def _categories(texts: list[str]) -> list[str]:
    lines = []
    for word, _times in Counter(texts).most_common():
        code = next((c for c, w in _CODES.items() if re.search(w, word, re.IGNORECASE)), None)
        lines.append(f"{_quoted(word)} = {_quoted(code or 'complaint')}{'' if code else '  # ?'}")
    return lines


def _ending(found: Sample, index: int) -> list[str]:
    reply = next(
        (
            header
            for i, header in enumerate(found.headers)
            if i != index and header and re.search(_REPLY, header, re.IGNORECASE)
        ),
        None,
    )
    lines = ["", "[[later]]", 'name = "replied"', 'type = "result.submitted"']
    lines.append(f"at = {_quoted(found.headers[index])}")
    if reply is not None:
        lines.append(f"columns = {{ facts = {_quoted(reply)} }}")
    rest = "" if reply is not None else 'facts = "?", '
    rest += 'measures = "见办理结果", remedies = "见办理结果", basis = "见办理结果"'
    return [*lines, f'constants = {{ {rest}, disposal = "ordinary" }}']


def _preview(path: Path, mapping: str, options: FeedOptions) -> str:
    """What the mapping would make of the first rows, as comments, nobody's data in clear."""
    if '"?"' in mapping:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "mapping.toml"
        written.write_text(mapping, "utf-8")
        load(written)
        rows = list(
            islice(read_feed(path, FeedOptions(format=options.format, mapping=written)), 1_000)
        )
    refused = Counter(render(row.why) for row in rows if row.why is not None)
    taken = [row for row in rows if row.message is not None]
    counted = _("Of the first {n} rows {taken} would be read:")
    lines = ["", counted.format(n=len(rows), taken=len(taken))]
    for row in taken[:_SHOWN]:
        lines.append(_shown(row.message or {}))
        lines += [f"    {later['type']} {later.get('at', '')}" for later in row.later]
    lines += [f"{n} x {why}" for why, n in refused.most_common(_SHOWN)]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _shown(message: dict[str, Any]) -> str:
    person = message.get("claimant", {})
    parts = {
        "ticket": message["ticket"],
        "at": message["at"],
        "category": message.get("category"),
        "title": redact_numbers(str(message.get("title", "")))[:30],
        "name": redact_name(person.get("name", "")),
        "phone": redact_phone(person.get("phone", "")),
        "address": redact_address(message.get("address", "")),
        "unit": message.get("unit"),
    }
    return clean("  ".join(f"{k}={v}" for k, v in parts.items() if v)).replace("\n", " ")


def _quoted(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _key(field: str) -> str:
    return _quoted(field) if "." in field else field
