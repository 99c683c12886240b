"""Clean texts that somebody outside wrote: as they come in, and before a terminal gets them."""

import re
import unicodedata
from functools import cache
from itertools import zip_longest

from models.json_types import Json

# Sequences are removed whole, or "[31m" would stay in the letter. An ESC that begins none of them
# goes alone: text behind a stray control character is a citizen's, and is kept. For the same
# reason the one-byte C1 forms (U+009B for ESC [) lose only themselves: in doubly encoded UTF-8
# they stand between letters.
_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, SOS, PM, APC, if ended
    r"|\x1b[ -/]+[0-~]"  # character sets
    r"|\x1b[0-?c]"  # private ones, reset
)
_LINE_ENDS = re.compile(r"\r\n?|[\u0085\u2028\u2029]")
_INVISIBLE = re.compile(
    "["
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but \n and \t, DEL, C1
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u3164\uffa0"  # show nothing
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # zero width, bidi controls
    r"\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"  # annotations, no characters, tags
    "]"
)
_INVISIBLE_IN_TERMINAL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SUSPECT = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\xff\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    r"\U000e0000-\U000e007f]"
)
"""Whatever the expressions above may touch: most texts hold none of it and are let through."""


def _plain_signs() -> dict[str, str]:
    """Return the signs that are of ambiguous width, as Roman numerals, in plain letters or `*`.

    Letters of other alphabets stay, and the lines that frames are drawn of.
    """
    signs = {}
    for code in (*range(0xA1, 0x100), *range(0x2010, 0x2500), *range(0x2580, 0x2780)):
        sign = chr(code)
        is_letter = unicodedata.category(sign)[0] in "LM"
        if unicodedata.east_asian_width(sign) == "A" and not is_letter:
            plain = unicodedata.normalize("NFKC", sign).replace("\u2044", "/")
            signs[sign] = plain if plain.isascii() else "*"
    return signs


@cache
def _steady() -> tuple[re.Pattern[str], dict[int, str]]:
    """Return the signs of ambiguous width (Unicode Standard Annex 11), and what is shown for them.

    Made when first asked for: most commands draw no screen.
    """
    table = str.maketrans(
        {
            **_plain_signs(),
            **dict(zip("“”‘’", "「」''", strict=True)),
            **dict.fromkeys("‐–—―", "-"),
            **dict.fromkeys("●○◎■□◆◇▲△▼▽★☆※•", "*"),
            **dict(zip("→←↑↓·×÷°′″∶", "><^v.x/o'\":", strict=True)),
            "…": "..",
            "±": "+-",
            "≤": "<=",
            "≥": ">=",
            "≠": "!=",
            "℃": "oC",
            "€": "EUR",
            **{chr(0x2460 + n): f"({n + 1})" for n in range(20)},
        }
    )
    return re.compile("[" + re.escape("".join(map(chr, table))) + "]"), table


# UTF-8 read as Latin-1, or as Windows' kin of it: a letter's first byte, then what goes on with it.
_HIGH = "".join(bytes([n]).decode("cp1252", "ignore") for n in range(0x80, 0xA0))
_DOUBLED = re.compile(f"[\xc2-\xf4][\x80-\xbf{_HIGH}]{{1,3}}")
_AS_BYTES = {ord(c): c.encode("cp1252").decode("latin-1") for c in _HIGH}


def clean(text: str) -> str:
    r"""Remove from a text what a reader cannot see and a terminal might obey.

    Removed: escape sequences, control characters but ``\n`` and ``\t``, bidirectional controls,
    zero-width characters, and white space at both ends. Line ends become ``\n``, NBSP a space,
    half a surrogate pair U+FFFD, so that the text can be stored as UTF-8. Cleaning twice changes
    nothing.
    """
    if _SUSPECT.search(text) is None:
        return text.strip()
    text = _SEQUENCES.sub("", text)
    text = _LINE_ENDS.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    text = _SURROGATES.sub("\ufffd", text)
    return text.replace("\u00a0", " ").strip()


def clean_values(value: Json) -> Json:
    """Clean all texts in a JSON value, so that a terminal obeys none of them."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {key: clean_values(each) for key, each in value.items()}
        case list():
            return [clean_values(each) for each in value]
        case _:
            return value


def one_line(text: str) -> str:
    """Return a text from outside (a file's name, a server's answer) safe to print on one line.

    Whatever came from outside goes through this before it reaches a terminal or a log.
    """
    return " ".join(clean(text).split())


def steady_width(text: str) -> str:
    """Return a text without the signs that some terminals draw one cell wide, and others two.

    Quotation marks, dashes, bullets and the like are replaced; letters of other alphabets stay.
    """
    unsteady, table = _steady()
    return text if unsteady.search(text) is None else text.translate(table)


def terminal_text(text: str) -> str:
    """Return what a command prints without anything that a terminal would obey, but colours.

    Signs of ambiguous width are replaced too.

    What is shown was cleaned when it came in; whoever writes to the database has not cleaned it.
    """
    text = steady_width(text)
    if _SUSPECT.search(text) is None:
        return text
    pieces = _COLOURS.split(text)
    colours = _COLOURS.findall(text)
    safe = [_INVISIBLE_IN_TERMINAL.sub("", _SEQUENCES.sub("", piece)) for piece in pieces]
    return "".join(a + b for a, b in zip_longest(safe, colours, fillvalue=""))


def folded(text: str) -> str:
    """Return a word as it is compared: one width, one case, no space (``留言 编号``, ``Ｎ/a``)."""
    return "".join(unicodedata.normalize("NFKC", clean(text)).split()).casefold()


def is_plain(text: str) -> bool:
    """Return whether `clean` would change nothing in a text but the white space at its ends."""
    return _SUSPECT.search(text) is None


def fix_double_encoding(text: str) -> str:
    """Undo UTF-8 that was taken for Latin-1 and encoded again, be it twice (``CafÃ©``: ``Café``).

    What is not certainly that stays as it is.
    """
    for _again in range(3):
        before, text = text, _DOUBLED.sub(_once, text)
        if text == before:
            break
    return text


def _once(match: re.Match[str]) -> str:
    raw = match.group().translate(_AS_BYTES).encode("latin-1")
    for end in range(len(raw), 1, -1):  # behind a letter of two bytes there may be another's
        try:
            return raw[:end].decode() + match.group()[end:]
        except UnicodeDecodeError:
            continue
    return match.group()


def escape_invisible(text: str) -> str:
    """Return a text with invisible characters written out (``\\u200b``), safe to show."""
    return _SUSPECT.sub(_written_out, text.replace("\\", "\\\\"))


def _written_out(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode()
