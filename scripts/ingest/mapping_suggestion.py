"""Suggest a first mapping for a table that no mapping knows, with a preview of what it reads."""

import re
import tempfile
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from models.i18n import _, render
from models.rules.calendar import SHANGHAI
from models.rules.redaction import redact_address, redact_name, redact_phone, redact_text
from models.rules.text import clean
from scripts.ingest.dates import day_and_month, parse_instant
from scripts.ingest.feed_reader import FeedOptions, read_feed
from scripts.ingest.mapping import load_mapping
from scripts.ingest.sample import FeedSample, read_sample

_PREVIEWED = 5

# words of the header by field; a field takes the first column that fits and is not taken
_HEADER_WORDS = {
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
_WRITTEN_WORDS = (
    r"留言时间|来电时间|受理时间|登记时间|创建|提交|created|open|requested|received"
    r"|时间|日期|date|_dt$"
)
_ANSWERED_WORDS = r"答复|回复|办结|办毕|完成|closed|resolved|completed|answered|replied"
_REPLY_WORDS = r"答复|回复|办理结果|处理结果|resolution|closure|reply|answer|status_notes"
_CATEGORY_WORDS = {
    "consultation": r"咨询|inquir|question",
    "suggestion": r"建议|suggest",
    "help": r"求助|help|request|service",
    "complaint": r"投诉|举报|complain|report",
}
_TIMES = ("", " %H:%M", " %H:%M:%S", " %p%I:%M", " %p%I:%M:%S")
_DAYS = (
    "%Y/%m/%d",
    "%Y-%m-%d",
    "%Y.%m.%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
)
_CHINESE_TIMES = (
    *_TIMES,
    *(
        f" %{hour}{rest}"
        for hour in ("H", "p%I")
        for rest in ("时%M分", "时%M分%S秒", "点%M分", "时", "点")
    ),
)
_DATE_FORMS = (
    "iso",
    *(day + time for day in _DAYS for time in (*_TIMES, " %I:%M %p", " %I:%M:%S %p")),
    *("%Y年%m月%d日" + time for time in _CHINESE_TIMES),
    *("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y-%m-%d %H:%M:%S %Z"),
    "unix",
    "excel",
)
_NEARLY_ALL = 0.8


def suggest_mapping(path: Path, options: FeedOptions) -> str:
    """A mapping in TOML for a file, and as comments what it would read. Raises FeedError."""
    sample = read_sample(path)
    begin = _("A first mapping; look at every line, then give it with --mapping FILE.")
    lines = [f"# {begin}"]
    lines += _mapping(path, sample)
    text = "\n".join(lines) + "\n"
    return text + _preview(path, text, options)


def _mapping(path: Path, sample: FeedSample) -> list[str]:
    dated = {i: forms for i in range(len(sample.headers)) if (forms := _date_forms(sample, i))}
    written, answered = _date_columns(sample, dated)
    fields = _field_columns(sample, set(dated))
    name = re.sub(r"\W+", "-", path.stem).strip("-").lower() or "city"
    headers = [sample.headers[i] for i in (*fields.values(), *written[:1])]
    forms = list(dict.fromkeys(form for i in (*written[:1], *answered) for form in dated[i]))
    lines = [
        f"name = {_quote(name)}",
        f"headers = [{', '.join(map(_quote, dict.fromkeys(headers)))}]",
        f"dates = [{', '.join(map(_quote, forms or ['iso']))}]",
    ]
    if _is_ambiguous(sample, written, forms):
        choose = _("Day or month first? No date of the sample tells; choose.")
        lines.append(f"# {choose}")
    lines += ['zone = "Asia/Shanghai"', "", "[columns]"]
    columns = {field: sample.headers[i] for field, i in fields.items()}
    if written:
        columns["at"] = sample.headers[written[0]]
    for field in ("ticket", "at"):
        if field not in columns:
            missing = _("No column looks like it; no ticket can be without: write its header.")
            lines += [f"# {missing}", f'{field} = "?"']
    lines += [f"{_key(field)} = {_quote(header)}" for field, header in columns.items()]
    if "category" in fields:
        lines += ["", "[values.category]", *_category_lines(sample.column(fields["category"]))]
    else:
        lines += ["", "[constants]", 'category = "complaint"']
    return lines + [line for i in answered for line in _reply_lines(sample, i)]


def _field_columns(sample: FeedSample, dated: set[int]) -> dict[str, int]:
    fields: dict[str, int] = {}
    for field, words in _HEADER_WORDS.items():
        for index, header in enumerate(sample.headers):
            free = index not in dated and index not in fields.values() and header
            named = free and re.search(words, header, re.IGNORECASE)
            if named and _fits_data(field, sample, index):
                fields[field] = index
                break
    if "title" not in fields and "content" in fields:
        fields["title"] = fields["content"]
    return fields


def _fits_data(field: str, sample: FeedSample, index: int) -> bool:
    """Return whether the data are what the header lets expect."""
    texts = sample.column(index)
    if field == "ticket":
        return len(set(texts)) > _NEARLY_ALL * max(len(sample.rows), 1)
    if field == "category":
        return 0 < len(set(texts)) <= 30
    return bool(texts) or field not in ("title", "content")


def _date_forms(sample: FeedSample, index: int) -> list[str]:
    """The forms of the dates in a column, the most frequent first; none if it holds no dates."""
    texts = sample.column(index)
    cells = [row[index] for row in sample.rows if index < len(row) and row[index] not in (None, "")]
    if not texts or not re.search(
        f"{_WRITTEN_WORDS}|{_ANSWERED_WORDS}", sample.headers[index], re.IGNORECASE
    ):
        return []
    counts = Counter(
        form
        for cell in cells
        for form in _DATE_FORMS
        if not isinstance(cell, date) and parse_instant(cell, (form,), SHANGHAI) is not None
    )
    if sum(parse_instant(c, _DATE_FORMS, SHANGHAI) is not None for c in cells) < _NEARLY_ALL * len(
        cells
    ):
        return []
    # of two ways to read the same dates only the one that fits more of them
    day, month = (sum(counts[f] for f in counts if day_and_month(f) == d) for d in ("%d", "%m"))
    rarer = "%m" if day >= month else "%d"
    return [form for form, _n in counts.most_common() if day_and_month(form) != rarer]


def _is_ambiguous(sample: FeedSample, written: list[int], forms: list[str]) -> bool:
    if not written or not any(map(day_and_month, forms)):
        return False
    parts = (re.match(r"(\d+)\D(\d+)\D", text) for text in sample.column(written[0]))
    return not any(max(int(p[1]), int(p[2])) > 12 for p in parts if p)


def _date_columns(sample: FeedSample, dated: dict[int, list[str]]) -> tuple[list[int], list[int]]:
    """The columns of the letter's date, the likeliest first, and of the date of its answer."""
    answered = [i for i in dated if re.search(_ANSWERED_WORDS, sample.headers[i], re.IGNORECASE)]
    written = [i for i in dated if i not in answered]
    order = _WRITTEN_WORDS.split("|")

    def likely(index: int) -> int:
        header = sample.headers[index]
        return next(n for n, w in enumerate([*order, ""]) if re.search(w, header, re.IGNORECASE))

    return sorted(written, key=likely), answered[:1]


def _category_lines(texts: list[str]) -> list[str]:
    lines = []
    for word, _times in Counter(texts).most_common():
        code = next(
            (c for c, w in _CATEGORY_WORDS.items() if re.search(w, word, re.IGNORECASE)), None
        )
        lines.append(f"{_quote(word)} = {_quote(code or 'complaint')}{'' if code else '  # ?'}")
    return lines


def _reply_lines(sample: FeedSample, index: int) -> list[str]:
    reply = next(
        (
            header
            for i, header in enumerate(sample.headers)
            if i != index and header and re.search(_REPLY_WORDS, header, re.IGNORECASE)
        ),
        None,
    )
    lines = ["", "[[later]]", 'name = "replied"', 'type = "result.submitted"']
    lines.append(f"at = {_quote(sample.headers[index])}")
    if reply is not None:
        lines.append(f"columns = {{ facts = {_quote(reply)} }}")
    rest = "" if reply is not None else 'facts = "?", '
    rest += 'measures = "见办理结果", remedies = "见办理结果", basis = "见办理结果"'
    return [*lines, f'constants = {{ {rest}, disposal = "ordinary" }}']


def _preview(path: Path, mapping: str, options: FeedOptions) -> str:
    """Read the first rows by the mapping; returns them as comments, redacted."""
    if '"?"' in mapping:
        return ""
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
    lines += [f"{n} x {why}" for why, n in refused.most_common(_PREVIEWED)]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _redacted_line(message: dict[str, Any]) -> str:
    person = message.get("claimant", {})
    parts = {
        "ticket": message["ticket"],
        "at": message["at"],
        "category": message.get("category"),
        "title": redact_text(str(message.get("title", "")))[:30],
        "name": redact_name(person.get("name", "")),
        "phone": redact_phone(person.get("phone", "")),
        "address": redact_address(message.get("address", "")),
        "unit": message.get("unit"),
    }
    return clean("  ".join(f"{k}={v}" for k, v in parts.items() if v)).replace("\n", " ")


def _quote(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _key(field: str) -> str:
    return _quote(field) if "." in field else field
