"""Where typed text meets something that reads mark-up: each place by itself, case by case."""

from __future__ import annotations

import csv
import io
import tempfile
import time
import zipfile
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest

from bot import cells, exporter
from bot.messages import Choice, Line, Message
from handlers.slack import render as slack
from handlers.slack.inbound import unescape
from handlers.telegram import text as telegram
from handlers.telegram.text import ELLIPSIS, MOST_CODE, MOST_ENTITIES, Rich

# --- Slack, outwards ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\r\nb\rc\td", "a\nb\nc d"),
        ("\r\n a \n", "a"),
        ("a\x00\x08\x1b\x7f\x9fb", "ab"),
        ("a\ud800b", "ab"),
        ("\u202ea\u2066b\u2069", "ab"),
        ("عربي", "عربي"),
        ("\u200b\u00a0\u3000", ""),  # nothing of it can be seen
        ("\u200b.", "\u200b."),
        ("😀", "😀"),
        ("", ""),
    ],
)
def test_slack_gets_clean_text(typed: str, kept: str) -> None:
    assert slack.clean(typed) == kept


def test_slack_gets_one_line_where_there_is_one() -> None:
    assert slack.one_line(" a \n\n b\u2028c\u2029 \u2028d  e\r\nX") == "a b c d e X"


def test_the_three_characters_slack_reads_are_entities() -> None:
    assert slack.escape("<!channel> & <@U1> &lt; >") == (
        "&lt;!channel&gt; &amp; &lt;@U1&gt; &amp;lt; &gt;"
    )


def test_what_is_typed_is_plain_text_to_slack() -> None:
    typed = "*b* <@U1> & `x` :wave:"
    [section] = slack.blocks(Message(typed))
    assert section == {
        "type": "section",
        "text": {"type": "plain_text", "text": typed, "emoji": False},
    }
    [empty] = slack.blocks(Message(" "))
    assert empty["text"]["text"] == "…"
    [header, _] = slack.blocks(Message("x", title="y" * 200))
    assert header["text"]["text"] == "y" * 149 + "…"


def buttons(*choices: Choice) -> list[dict[str, Any]]:
    """The buttons Slack is given for these."""
    found = slack.blocks(Message("?", choices=choices))
    return [e for block in found if block["type"] == "actions" for e in block["elements"]]


def test_a_button_says_one_short_line() -> None:
    [shown] = buttons(Choice(f"a\n\tb{'c' * 100}", "r:x"))
    assert shown["text"]["text"] == f"a b{'c' * 71}…"
    [whole] = buttons(Choice("d" * 75, "r:x"))
    assert whole["text"]["text"] == "d" * 75


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("https://la.fr/a?b=1", True),
        ("http://la.fr", True),
        ("https://" + "a" * 2992, True),
        ("https://" + "a" * 2993, False),
        ("javascript:alert(1)", False),
        ("xhttps://la.fr", False),
        ("HTTPS://la.fr", False),
        ("https://la.fr/ b", False),
        ("https://la.fr/<b>", False),
        ("https://", False),
        ("", False),
    ],
)
def test_a_link_is_an_address_of_the_web_or_no_button(url: str, there: bool) -> None:
    assert [b["url"] for b in buttons(Choice("La page", url=url))] == [url] * there
    assert [b["url"] for b in buttons(Choice("La page", "r:x", url=url))] == [url] * there


def test_a_button_without_a_meaning_is_none() -> None:
    assert buttons(Choice("Rien")) == []
    assert [b["value"] for b in buttons(Choice("Oui", "r:x"))] == ["r:x"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (Line("Léa", "Nom"), "Nom : Léa"),
        (Line("a\nb", "Nom"), "Nom\na\nb"),
        (Line("• a", "Noms"), "Noms\n• a"),
        (Line("a •", "Nom"), "Nom : a •"),
        (Line("Léa"), "Léa"),
        (Line("Léa", "\u200b"), "Léa"),
        (Line(" ", "N\no\tm"), "N o m"),
        (Line("", ""), ""),
    ],
)
def test_a_line_is_its_label_and_its_text(line: Line, shown: str) -> None:
    assert slack.line_text(line, slack.Labels(colon=" : ")) == shown


def test_the_notification_is_escaped_and_short() -> None:
    plain = Message("t\r<u>", title="T\n<@U1>", lines=(Line("a&b", "L"), Line("")))
    whole = "T &lt;@U1&gt;\nt\n&lt;u&gt;\nL : a&amp;b"
    labels = slack.Labels(colon=" : ")
    assert slack.fallback(plain, labels) == whole
    assert slack.fallback(Message("x", lines=(Line("b", "a"),))) == "x\na: b"
    assert slack.caption(plain, labels) == whole
    assert slack.fallback(Message("secret", notice="Du\n<neuf>")) == "Du &lt;neuf&gt;"
    assert slack.fallback(Message("secret", notice="n" * 701)) == "n" * 699 + "…"
    assert slack.fallback(Message("&" * 701)) == "&amp;" * 699 + "…"
    assert slack.fallback(Message("t" * 700)) == "t" * 700
    assert slack.fallback(Message("t" * 701)) == "t" * 699 + "…"
    assert slack.caption(Message("t" * 3001)) == "t" * 2999 + "…"
    assert slack.caption(Message("x", lines=(Line("b", "a"),))) == "x\na: b"
    assert slack.fallback(Message("")) == "…"
    assert slack.caption(Message("")) == ""
    assert slack.toast("a\r<b>\x00") == "a\n&lt;b&gt;"
    assert slack.toast("t" * 701) == "t" * 699 + "…"


# --- Slack, inwards -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("&amp;lt;", "&lt;"),
        ("<@U42> et <@U42|lea>", "@U42 et @lea"),
        ("<#C1|general> <#C1>", "#general #C1"),
        ("<!here> <!channel|canal>", "@here canal"),
        ("<!date^139^{date}^https://x.invalid|hier>", "hier"),
        ("<!subteam^S1> <!date^1^2>", "@subteam @date"),
        ("<https://la.fr|la.fr> <https://la.fr/?a&amp;b>", "la.fr https://la.fr/?a&b"),
        ("<mailto:a@b.fr|a@b.fr> <mailto:a@b.fr> <tel:+331>", "a@b.fr a@b.fr +331"),
        ("<mailto:tel:1>", "1"),
        ("<x-mailto:a>", "x-mailto:a"),
        ("<> <|x> <a|>", " x a"),
        ("1 &lt; 2", "1 < 2"),
    ],
)
def test_what_slack_marked_comes_back_as_it_was_typed(sent: str, typed: str) -> None:
    assert unescape(sent) == typed


# --- Telegram -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Très simple", "Très simple"),
        ("a\r\nb\rc\u2028d\u2029e\x0bf\x0cg\x85h", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("a\tb\tc", "a b c"),
        ("\ud83d\ude00", "😀"),  # two halves that belong together
        ("a\ud800b", "a\ufffdb"),
        ("\u202ea\u2066b\u2069\n", "ab\n"),
        ("a\x00\x1b\x7f\x9fb", "ab"),
    ],
)
def test_telegram_gets_clean_text(typed: str, kept: str) -> None:
    assert telegram.clean(typed) == kept


def test_telegram_gets_one_line_where_there_is_one() -> None:
    assert telegram.flat(" a \n\n b\u2028c\td ") == "a b c d"


@pytest.mark.parametrize("shown", ["a", "1", "!", "€", "😀", "\u2800a", "é"])
def test_what_can_be_seen(shown: str) -> None:
    assert telegram.visible(shown)


@pytest.mark.parametrize(
    "unseen", ["", " \n", "\u2800", "\ufffc\u3164", "\u200b", "\u0301", "\x00"]
)
def test_what_cannot_be_seen(unseen: str) -> None:
    assert not telegram.visible(unseen)


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("ab", 2), ("é", 1), ("😀a", 3), ("\ud800", 1)]
)
def test_telegram_counts_in_utf_16(text: str, size: int) -> None:
    assert telegram.units(text) == size
    assert isinstance(telegram.units(text), int)  # Telegram takes no 1.0


def entity(kind: str, offset: int, length: int) -> dict[str, Any]:
    """As Telegram takes it."""
    return {"type": kind, "offset": offset, "length": length}


def rich(*parts: tuple[str, str | None]) -> Rich:
    """A text of these parts, each in its kind."""
    made = Rich()
    for text, kind in parts:
        made.add(text, kind)
    return made


def test_emphasis_travels_beside_the_text() -> None:
    made = rich(("😀 gras", "bold"), (" puis ", None), ("fin", "italic"), (" ", "bold"))
    assert made.text == "😀 gras puis fin "
    assert made.units == 17
    assert made.finish(100) == (
        "😀 gras puis fin",
        [entity("bold", 0, 7), entity("italic", 13, 3)],
    )
    assert Rich().finish(10) == (ELLIPSIS, [])
    assert rich((" \u2800", "bold")).finish(10) == (ELLIPSIS, [])


def test_emphasis_that_was_cut_into_goes() -> None:
    made = rich(("  un", "bold"), (" deux", "italic"), (" trois", "bold"))
    assert made.finish(10) == ("  un deux…", [entity("bold", 0, 4), entity("italic", 4, 5)])
    assert made.finish(9) == ("  un deu…", [entity("bold", 0, 4), entity("italic", 4, 5)])
    assert made.finish(8) == ("  un de…", [entity("bold", 0, 4)])


def test_no_more_entities_than_telegram_takes() -> None:
    made = rich(*(("a ", "bold") for _ in range(MOST_ENTITIES + 3)))
    assert [e["offset"] for e in made.finish(4000)[1]] == list(range(0, 2 * MOST_ENTITIES, 2))


@pytest.mark.parametrize(
    "typed",
    ["https://la.fr/a?b=1", "tg://x", "moi@la.fr", "@moi_meme", "/effacer", "/a@b", "#ici", "$EUR",
     "la.fr", "la.fr/page"],
)  # fmt: skip
def test_what_telegram_would_press_is_code(typed: str) -> None:
    for before in ("", "à 😀 "):
        at = telegram.units(before)
        found = rich((f"{before}{typed} ou", None)).finish(100)
        assert found == (f"{before}{typed} ou", [entity("code", at, len(typed))])


@pytest.mark.parametrize("typed", ["a/b", "3.14", "50 %", "c'est-à-dire", "fin.", "1/2", "a#b"])
def test_what_telegram_leaves_alone_is_left_alone(typed: str) -> None:
    assert rich((typed, None)).finish(100) == (typed, [])


def test_a_command_of_ours_stays_pressable_and_one_that_was_typed_does_not() -> None:
    made = rich(("/un ", None))
    made.add("/aide", command=True)
    made.add(" 😀 /deux /trois", None)
    assert made.finish(100)[1] == [
        entity("code", 0, 3), entity("code", 13, 5), entity("code", 19, 6),
    ]  # fmt: skip


def test_code_lies_in_no_other_entity() -> None:
    """Telegram refuses it: the emphasis is cut around it, and stays where it was elsewhere."""
    made = rich(("ab la.fr cd", "bold"), ("\n@x", "italic"), (" fin", "bold"), (" #y", None))
    assert made.finish(100)[1] == [
        entity("bold", 0, 3), entity("code", 3, 5), entity("bold", 8, 3),
        entity("italic", 11, 1), entity("code", 12, 2), entity("bold", 14, 4),
        entity("code", 19, 2),
    ]  # fmt: skip
    assert rich(("la.fr @x", "bold")).finish(100)[1] == [
        entity("code", 0, 5), entity("bold", 5, 1), entity("code", 6, 2),
    ]  # fmt: skip
    assert rich(("a ", "bold"), ("@x", None), (" b", "bold")).finish(100)[1] == [
        entity("bold", 0, 2), entity("code", 2, 2), entity("bold", 4, 2),
    ]  # fmt: skip


def test_code_takes_the_place_of_emphasis_in_the_order_of_the_text() -> None:
    """Across two: what is left of each stands on its side."""
    made = rich(("un @", "bold"), ("moi deux", "italic"))
    assert made.finish(100)[1] == [
        entity("bold", 0, 3), entity("code", 3, 4), entity("italic", 7, 5),
    ]  # fmt: skip


def test_a_table_is_left_as_it_is() -> None:
    """Nothing is pressable inside `pre`; right before and right after it is."""
    made = rich(("@a", None), ("|x la.fr|", "pre"), ("@b", None))
    assert made.finish(100)[1] == [
        entity("code", 0, 2), entity("pre", 2, 9), entity("code", 11, 2),
    ]  # fmt: skip
    made = rich(("@a ", None), ("x la.fr", "pre"), (" @b", None))
    assert made.finish(100)[1] == [
        entity("code", 0, 2), entity("pre", 3, 7), entity("code", 11, 2),
    ]  # fmt: skip


def test_hundreds_become_fifty_and_the_last_covers_the_rest() -> None:
    for count in (MOST_CODE - 1, MOST_CODE, MOST_CODE + 1, MOST_CODE + 30):
        text = " ".join(["@x"] * count)
        spans = [(e["offset"], e["length"]) for e in rich((text, None)).finish(4000)[1]]
        assert len(spans) == min(count, MOST_CODE)
        assert spans[: MOST_CODE - 1] == [(3 * n, 2) for n in range(min(count, MOST_CODE - 1))]
        assert sum(spans[-1]) == len(text)
        if count >= MOST_CODE:
            assert spans[-1][0] == 3 * (MOST_CODE - 1)


def test_emphasis_gives_way_to_code() -> None:
    made = rich(*(("a ", "bold") for _ in range(80)), ("@x " * 40, None))
    kinds = [e["type"] for e in made.finish(4000)[1]]
    assert (kinds.count("bold"), kinds.count("code")) == (60, 40)
    assert kinds == ["bold"] * 60 + ["code"] * 40


# --- spreadsheets ---------------------------------------------------------------------------------

RISKY: Final = ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "'=1", "''-1"]
HARMLESS: Final = ["", "a=1", " =1", "'a", "1-2", "l'eau"]


def rows_of(data: bytes) -> list[list[str]]:
    """A CSV file as a spreadsheet reads it."""
    text = data.decode("utf-8")
    assert text[0] == "\ufeff"
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))


def test_no_cell_of_a_csv_file_is_a_formula() -> None:
    data = exporter.write_csv(["=a", "b"], [[one, one] for one in RISKY + HARMLESS])
    assert rows_of(data) == [
        ["'=a", "b"],
        *([f"'{one}"] * 2 for one in RISKY),
        *([one] * 2 for one in HARMLESS),
    ]
    assert data.startswith("\ufeff'=a;b\r\n".encode())
    for one in RISKY + HARMLESS:
        assert exporter.plain(exporter.neutral(one)) == one


def test_cells_of_every_kind_in_a_csv_file() -> None:
    when = datetime(2026, 10, 6, 12, 30, 59, tzinfo=UTC)
    row: list[exporter.Cell] = [None, True, False, -3, 2.5, when, date(2026, 10, 6), "x;y"]
    assert rows_of(exporter.write_csv([], [row])) == [
        [],
        ["", "oui", "non", "-3", "2.5", "2026-10-06 12:30+00:00", "2026-10-06", "x;y"],
    ]


MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class Book:
    """A workbook, read from its parts."""

    def __init__(self, data: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            self.parts = {name: parts.read(name) for name in parts.namelist()}
        strings = ET.fromstring(self.parts["xl/sharedStrings.xml"])
        self.strings = [
            "".join(t.text or "" for t in one.iter(f"{MAIN}t")) for one in strings.iter(f"{MAIN}si")
        ]
        self.sheet = ET.fromstring(self.parts["xl/worksheets/sheet1.xml"])
        styles = ET.fromstring(self.parts["xl/styles.xml"])
        self.styles = list(styles.find(f"{MAIN}cellXfs") or [])
        self.fonts = list(styles.find(f"{MAIN}fonts") or [])
        self.formats = {
            one.get("numFmtId"): one.get("formatCode") for one in styles.iter(f"{MAIN}numFmt")
        }

    def cell(self, name: str) -> tuple[str | float | None, str, bool, bool]:
        """Value, format, whether it stays a text when edited, whether it is bold."""
        [found] = [c for c in self.sheet.iter(f"{MAIN}c") if c.get("r") == name]
        raw = found.findtext(f"{MAIN}v")
        text = found.get("t") == "s"
        value = None if raw is None else self.strings[int(raw)] if text else float(raw)
        style = self.styles[int(found.get("s") or 0)]
        number = style.get("numFmtId") or "0"
        shown = self.formats.get(number) or {"0": "", "49": "@"}[number]
        bold = self.fonts[int(style.get("fontId") or 0)].find(f"{MAIN}b") is not None
        return value, shown, style.get("quotePrefix") == "1", bold


def test_no_cell_of_a_workbook_is_a_formula() -> None:
    """Nor does one become a formula when somebody edits it: the text is marked as text."""
    book = Book(exporter.write_xlsx(["=a"], [[one] for one in RISKY]))
    assert list(book.sheet.iter(f"{MAIN}f")) == []
    assert book.cell("A1") == ("=a", "@", True, True)
    for line, one in enumerate(RISKY, start=2):
        value, *how = book.cell(f"A{line}")
        assert str(value).replace("_x000D_", "\r") == one
        assert how == ["@", True, False]


def test_cells_of_every_kind_in_a_workbook() -> None:
    when = datetime(2026, 10, 6, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    row: list[exporter.Cell] = ["a", True, False, -3, 2.5, when, date(2026, 10, 6), None, "", "fin"]
    book = Book(exporter.write_xlsx(list("abcdefghij"), [row]))
    assert [book.cell(f"{column}1")[0] for column in "ABCDEFGHIJ"] == list("abcdefghij")
    assert book.cell("A2") == ("a", "@", True, False)
    assert book.cell("B2") == ("oui", "@", True, False)
    assert book.cell("C2") == ("non", "@", True, False)
    assert book.cell("D2") == (-3, "", False, False)
    assert book.cell("E2") == (2.5, "", False, False)
    value, *how = book.cell("F2")
    assert value == pytest.approx(46301 + 12.5 / 24)  # days since 30 December 1899, UTC
    assert how == ["yyyy-mm-dd hh:mm", False, False]
    assert book.cell("G2") == (46301, "yyyy-mm-dd", False, False)
    assert book.cell("J2") == ("fin", "@", True, False)
    assert {c.get("r") for c in book.sheet.iter(f"{MAIN}c")}.isdisjoint({"H2", "I2"})
    [pane] = book.sheet.iter(f"{MAIN}pane")
    assert (pane.get("ySplit"), pane.get("xSplit"), pane.get("topLeftCell")) == ("1", None, "A2")


def test_a_workbook_leaves_nothing_in_the_folder_of_temporary_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What people wrote is not put on a disk, where it would outlive its time."""
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    assert Book(exporter.write_xlsx(["a"], [["b"]])).cell("A2")[0] == "b"


def test_instants_are_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        book = Book(exporter.write_xlsx(["a"], [[datetime(2026, 10, 6, 12, tzinfo=UTC)]]))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert book.cell("A2")[0] == 46301.5


def test_a_workbook_is_the_same_each_time() -> None:
    """No date of its making, so that two exports of the same can be compared."""
    book = Book(exporter.write_xlsx(["a"], []))
    assert book.parts["docProps/core.xml"].count(b"2000-01-01T00:00:00Z") == 2


def test_a_long_text_is_cut_where_a_cell_ends_and_says_so() -> None:
    most = exporter.MOST
    book = Book(exporter.write_xlsx(["x" * (most + 1)], [["y" * most], ["z\ud800\udfff"]]))
    assert book.cell("A1")[0] == "x" * (most - 4) + " […]"
    assert book.cell("A2")[0] == "y" * most
    assert book.cell("A3")[0] == "z\ufffd\ufffd"


def test_a_cell_is_read_without_what_an_export_put_around_it() -> None:
    assert cells.clean(" '=1 ") == "=1"
    assert cells.clean(" e\u0301\nb\tc ") == "é\nb\tc"
    assert len(cells.clean("x" * cells.MAX_CELL)) == cells.MAX_CELL
    for bad in ("a\x00", "a\x0bb", "\ud800", "a\x7fb"):
        with pytest.raises(cells.Fault) as fault:
            cells.clean(bad)
        assert fault.value.problem_id == "import-control-character"
    with pytest.raises(cells.Fault) as fault:
        cells.clean("x" * (cells.MAX_CELL + 1))
    assert fault.value.problem_id == "import-cell-too-long"
    assert fault.value.args_ == {"most": cells.MAX_CELL, "found": cells.MAX_CELL + 1}
