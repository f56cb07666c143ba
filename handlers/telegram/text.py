"""Plain text as Telegram counts and shows it: clean characters, UTF-16 lengths, whole graphemes.

Emphasis travels beside the text, as entities; no mark-up language is ever used, so nothing typed
can become mark-up. What Telegram would make pressable by itself (addresses, @names, /commands,
#tags) is set as code: it stays as it was written, and a tap copies it. This module knows no message
of ours and no keyboard.

Source: core.telegram.org/api/entities; nothing is recognised inside code, and code lies in no other
entity.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

Entity = dict[str, Any]

MOST_ENTITIES: Final = 100
MOST_CODE: Final = 50  # of them; emphasis gives way
ELLIPSIS: Final = "…"

_LINE_ENDS: Final = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")
# Explicit bidi controls of a name would turn around the words of the bot that follow it.
# After them, what is a control character.
_UNFIT: Final = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f\x7f-\x9f]")
_BLANKS: Final = frozenset("\u2800\ufffc\u3164\u115f\u1160\uffa0")  # letters without a shape
_JOINER: Final = "\u200d"
_REGIONAL: Final = range(0x1F1E6, 0x1F200)
_SKIN: Final = range(0x1F3FB, 0x1F400)
_TAGS: Final = range(0xE0020, 0xE0080)
_LONGEST_GRAPHEME: Final = 64
# Each begins at the beginning of a word, so that a long one is looked at once. Telegram knows which
# last parts of an address exist; here any will do: a full stop without a space after it is rare.
_PRESSABLE: Final = re.compile(
    r"(?<![\w+.-])[A-Za-z][\w+.-]*://\S+"  # https://…, tg://…
    r"|(?<![\w.+'%-])[\w.+'%-]*@[\w.-]+"  # somebody@there.fr, @somebody
    r"|(?<![\w/])/\w+(?:@\w+)?"  # /command
    r"|(?<!\w)[#$]\w+"  # tags
    r"|(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}(?:[/:?#]\S*)?"  # there.fr/page
)


def clean(text: str) -> str:
    """Make any string one that Telegram takes as it is.

    Lone surrogates become U+FFFD, line ends newlines, tabs spaces; other control characters and
    explicit bidirectional controls go.
    """
    if text.isprintable():  # most labels; nothing of what follows is
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    lines = _LINE_ENDS.sub("\n", whole).replace("\t", " ")
    return _UNFIT.sub("", lines)


def flat(text: str) -> str:
    """Clean text on one line, runs of white space as one space."""
    return " ".join(clean(text).split())


def visible(text: str) -> bool:
    """Whether there is anything to see; Telegram refuses a message or a label without."""
    return any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANKS for c in text)


def units(text: str) -> int:
    """Length in UTF-16 code units, as Telegram counts entities; never less than `len`."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def width(text: str) -> int:
    """Columns it takes in a monospaced font: wide East Asian letters and emoji two, marks none."""
    return sum(
        0
        if unicodedata.category(c) in {"Mn", "Me", "Cf"}
        else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def clip(text: str, limit: int) -> str:
    """Shorten to at most `limit` UTF-16 units, with a final "…", between two graphemes."""
    if units(text) <= limit:
        return text
    if limit < 1:
        return ""
    used = end = 0
    for c in text:
        used += 1 + (c > "\uffff")
        if used > limit - 1:
            break
        end += 1
    start = max(end - _LONGEST_GRAPHEME, 0)
    cut = end
    while cut > start and _joined(text, cut):
        cut -= 1
    return text[: cut if cut > start or start == 0 else end].rstrip() + ELLIPSIS


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and at this place are one grapheme (UAX 29, in essence)."""
    before, after = text[at - 1], text[at]
    code = ord(after)
    if _JOINER in (before, after) or code in _SKIN or code in _TAGS:
        return True
    if unicodedata.category(after)[0] == "M":
        return True
    if code in _REGIONAL:  # flags are pairs: an odd number before this one means it closes a pair
        ahead = at
        while ahead > 0 and ord(text[ahead - 1]) in _REGIONAL:
            ahead -= 1
        return (at - ahead) % 2 == 1
    return False


class Rich:
    """Text under construction, with its entities.

    Attributes:
        entities: Telegram's `MessageEntity` as plain dicts, offsets and lengths in UTF-16 units.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._ours: set[int] = set()  # where commands of the bot begin
        self.units = 0
        self.entities: list[Entity] = []

    @property
    def text(self) -> str:
        """What was added so far."""
        return "".join(self._parts)

    def add(self, text: str, kind: str | None = None, *, command: bool = False) -> None:
        """Append clean text, as an entity of this kind (`bold`, `italic`, `pre`) where given.

        A `command` of the bot may stay pressable.
        """
        size = units(text)
        if command:
            self._ours.add(self.units)
        if kind and text.strip() and len(self.entities) < MOST_ENTITIES:
            self.entities.append({"type": kind, "offset": self.units, "length": size})
        self._parts.append(text)
        self.units += size

    def gap(self, breaks: int) -> None:
        """Start a new line (1) or a new paragraph (2), except at the very beginning."""
        if self.units:
            self.add("\n" * breaks)

    def finish(self, limit: int) -> tuple[str, list[Entity]]:
        """The text, cut hard if it is still too long, with the entities that lie in it whole."""
        text = clip(self.text, limit).rstrip()  # Telegram trims as well
        end = units(text)
        kept = [e for e in self.entities if e["offset"] + e["length"] <= end]
        if not visible(text):
            return ELLIPSIS, []
        return text, _with_code(kept, self._pressable(text, kept))

    def _pressable(self, text: str, given: Sequence[Entity]) -> list[tuple[int, int]]:
        """Where Telegram would act by itself, in UTF-16 units; nowhere inside `pre`."""
        closed = [(e["offset"], e["offset"] + e["length"]) for e in given if e["type"] == "pre"]
        found: list[tuple[int, int]] = []
        at = done = 0
        for hit in _PRESSABLE.finditer(text):
            at += units(text[done : hit.start()])
            size = units(hit[0])
            if at not in self._ours and not any(b < at + size and at < e for b, e in closed):
                found.append((at, at + size))
            at, done = at + size, hit.end()
        if len(found) > MOST_CODE:  # the rest of the text in one piece
            found[MOST_CODE - 1 :] = [(found[MOST_CODE - 1][0], found[-1][1])]
        return found


def _with_code(given: Sequence[Entity], spans: Sequence[tuple[int, int]]) -> list[Entity]:
    """The entities with these spans as code, which nothing may lie over."""
    kept = list(given)
    for begin, end in spans:
        cut: list[Entity] = []
        for one in kept:
            first, last = one["offset"], one["offset"] + one["length"]
            if last <= begin or end <= first:
                cut.append(one)
                continue
            cut += [
                {**one, "offset": a, "length": b - a}
                for a, b in ((first, min(last, begin)), (max(first, end), last))
                if a < b
            ]
        kept = cut
    code = [{"type": "code", "offset": a, "length": b - a} for a, b in spans]
    return sorted(kept[: MOST_ENTITIES - len(code)] + code, key=lambda one: one["offset"])


def grid(
    columns: Sequence[str], rows: Sequence[Sequence[str]], cell: int
) -> tuple[list[str], list[str]]:
    """Lay a table out in aligned columns for a monospaced font.

    Args:
        columns: The headings.
        rows: The cells; short rows are filled, cells beyond the headings left out.
        cell: Most UTF-16 units a cell may take.

    Returns:
        The heading lines (names, rule) and one line per row.
    """
    table = [[clip(flat(c), cell) for c in line] for line in (columns, *rows)]
    count = len(columns)
    padded = [(line + [""] * count)[:count] for line in table]
    widths = [max(width(line[i]) for line in padded) for i in range(count)]
    drawn = [
        "  ".join(
            c + " " * (size - width(c)) for c, size in zip(line, widths, strict=True)
        ).rstrip()
        for line in padded
    ]
    rule = "  ".join("─" * size for size in widths)
    return [drawn[0], rule], drawn[1:]
