"""Files for the spreadsheet: no text is a formula in them, and nobody waits for a long one."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from bot.aside import READERS, Next
from bot.exporter import MOST, plain, write_csv, write_xlsx
from bot.exports import AT_ONCE, KINDS, PAGE
from bot.i18n import words
from bot.turn import Scene
from handlers.aside import Asides
from scheduling.clock import FixedClock
from scheduling.worker import Worker
from storage.tables import Outbox, Pair, Request
from storage.timers import DueTimer
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

AX: Final = "ax-accompagnement"
HOSTILE: Final = (
    "=1+1", "=HYPERLINK(\"http://x.invalid\",\"ici\")", "+33 6 12 34 56 78", "-2+3", "@SUM(1)",
    "\t=1+1", "\r=1+1", "\n=1+1", "=cmd|' /C calc'!A0", "'=1+1", "''=1+1", "\uff1d1+1",
    "\ufe661+1", "\u22121", "\ufe621", "\uff20a", " =1+1", "\u00a0=1", "\ufeff=1+1", "a;b",
    "a\"b", "l1\nl2",
    "<b>&amp;</b>", "_x000D_", "\x01=1", "{=1}", "1e5", "007", "2026-10-06", "TRUE", "#REF!",
    "http://x.invalid", "mailto:a@b.invalid", "é😀", "",
)  # fmt: skip
NS: Final = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")


def cells(data: bytes) -> tuple[list[list[Any]], set[str]]:
    """Rows of a workbook as a spreadsheet reads them, and the kinds of element they are made of."""
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        shared = [
            "".join(text.text or "" for text in item.iter(f"{{{NS['m']}}}t"))
            for item in ET.fromstring(book.read("xl/sharedStrings.xml")).findall("m:si", NS)
        ]  # fmt: skip
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
        names = set(book.namelist())
    kinds = {element.tag.rpartition("}")[2] for element in sheet.iter()}
    kinds |= {name for name in names if "external" in name or "rels/sheet" in name}
    found: list[list[Any]] = []
    for row in sheet.iterfind(".//m:row", NS):
        line: dict[int, Any] = {}
        for cell in row.findall("m:c", NS):
            value = cell.find("m:v", NS)
            column = ord((cell.get("r") or "A")[0]) - ord("A")
            if value is None or value.text is None:
                continue
            if cell.get("t") == "s":
                text = shared[int(value.text)]
                line[column] = _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text)
            else:
                assert cell.get("t") in (None, "n")
                line[column] = float(value.text)
        found.append([line.get(n, "") for n in range(max(line, default=-1) + 1)])
    return found, kinds


# --- no cell is a formula -------------------------------------------------------------------------


def test_every_hostile_text_is_a_text_in_both_and_comes_back_as_it_was() -> None:
    rows: list[tuple[str, int]] = [(text, n) for n, text in enumerate(HOSTILE)]
    found, kinds = cells(write_xlsx(["texte", "=nombre"], rows))
    assert "f" not in kinds
    assert not {"hyperlink", "hyperlinks"} & kinds
    assert found[0] == ["texte", "=nombre"]
    assert found[1:] == [[text, float(n)] for text, n in rows]
    data = write_csv(["texte", "=nombre"], rows).decode("utf-8-sig")
    read = list(csv.reader(io.StringIO(data, newline=""), delimiter=";"))
    assert [(plain(text), int(n)) for text, n in read[1:]] == rows
    assert not any(re.match(r"[=+\-@\t\r]", cell) for line in read for cell in line[:1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_any_text_comes_back_from_a_workbook(texts: list[str]) -> None:
    found, kinds = cells(write_xlsx(["t", "n"], [[text, 1] for text in texts]))
    assert "f" not in kinds
    assert [row[0] for row in found[1:]] == texts


def test_numbers_dates_and_long_texts() -> None:
    when = datetime(2026, 10, 6, 12, 30, tzinfo=UTC)
    data = write_xlsx(["a"] * 6, [[3, 1.5, when, date(2026, 10, 6), True, "x" * (MOST + 5)]])
    [_, row] = cells(data)[0]
    assert row[:2] == [3.0, 1.5]
    assert row[2] == pytest.approx(46301 + 12.5 / 24)  # days since 30 December 1899
    assert row[3:5] == [46301.0, "oui"]
    assert len(row[5]) == MOST
    assert row[5].endswith("[…]")
    assert write_xlsx(["a"], [["\ud800"]])  # half a letter does not break the file


# --- what files hold ------------------------------------------------------------------------------


def file_of(heard: list[Heard]) -> bytes:
    [file] = [one.message.file for one in heard if one.message.file is not None]
    return file.content


def test_headings_and_states_are_in_the_reader_s_language() -> None:
    here = Stand((programme(),))
    requests(here, 1)
    [heads, row] = cells(file_of(here.command(CLAIRE, "exporter", "demandes xlsx")))[0]
    assert heads == ["Numéro", "Accompagné", "Genre", "État", "Faite le", "Changée le", "Échéance"]
    assert row[1:4] == ["=1+1", "dans la durée", "confiée à l’équipe"]
    here.command(CLAIRE, "langue", "en")
    data = file_of(here.command(CLAIRE, "export", "requests")).decode("utf-8-sig").splitlines()
    assert data[0] == "Number;Mentee;Kind;State;Made;Changed;Due"
    assert data[1].startswith("1;'=1+1;over time;with the team;2026-09-01 07:00+00:00;")


def test_every_file_has_as_many_cells_as_headings() -> None:
    for lang in ("fr", "en"):
        for kind in KINDS.values():
            assert all(kind.heads(words(lang)))


def requests(here: Stand, number: int) -> None:
    with here.work() as uow:
        person = uow.people.meet(
            platform="telegram", account="77", bot_account="telegram:9", lang="fr", now=here.now
        ).person_id
        uow.people.get(person).name = "=1+1"  # type: ignore[union-attr]
        uow.session.add_all(
            Request(
                programme_id=AX, person_id=person, conversation_id=0, state="team",
                created_at=here.now, changed_at=here.now,
            )
            for _ in range(number)
        )  # fmt: skip


# --- long ones ------------------------------------------------------------------------------------


def begun(here: Stand) -> tuple[list[Heard], DueTimer]:
    wanted: list[DueTimer] = []
    here.bot.aside = wanted.append
    heard = here.command(CLAIRE, "exporter", "demandes xlsx")
    here.fire()
    assert len(wanted) == 1
    return heard, wanted[0]


def test_a_long_one_is_read_in_pages_and_says_how_far_it_is() -> None:
    here = Stand((programme(),))
    requests(here, AT_ONCE + 1)
    heard, timer = begun(here)
    assert told(heard, CLAIRE)[0].text.replace("\u202f", " ").endswith("lignes, 0 %.")
    with here.work() as uow:  # the platform took the message
        uow.session.execute(
            update(Outbox)
            .where(Outbox.dedup_key == timer.payload["said"])
            .values(state="sent", message_id="1/5")
        )
    with here.work() as uow:
        work = READERS["export"](Scene(here.bot, uow, here.now), timer)
    said, pages = here.news(), 1
    while work is not None:
        found = work()
        with here.work() as uow:
            scene = Scene(here.bot, uow, here.now)
            if isinstance(found, Next):
                work, pages = found.read(scene), pages + 1
            else:
                found(scene)
                work = None
        said += here.news()
    assert pages == AT_ONCE // PAGE + 1
    shares = [re.findall(r"([0-9]+)\s%", one.text) for one in said]
    assert shares == [["25"], ["50"], ["62"], ["87"], [], []]
    assert len(cells(file_of(said))[0]) == AT_ONCE + 2


def test_it_can_be_stopped_and_only_by_who_asked() -> None:
    here = Stand((programme(),))
    requests(here, AT_ONCE + 1)
    here.join("200", "Autre")
    heard, timer = begun(here)
    stop = button(heard, CLAIRE, "Arrêter")
    assert told(here.press("200", stop), "200", "Je ne trouve pas")
    with here.work() as uow:
        uow.people.enrol(here.ids["200"], AX, "staff", now=here.now)
    assert told(here.press("200", stop), "200", "plus rien")
    assert told(here.press(CLAIRE, stop), CLAIRE, "pas de fichier")
    with here.work() as uow:
        assert READERS["export"](Scene(here.bot, uow, here.now), timer) is None
    assert told(here.press(CLAIRE, stop), CLAIRE, "plus rien")


def test_nobody_waits_for_a_long_one(tmp_path: Path) -> None:
    """While 6,000 rows are made into a workbook, a look at the database waits for one page only."""
    here = Stand((programme(),), url=f"sqlite:///{tmp_path}/cordee.db")
    requests(here, 6000)
    _, timer = begun(here)
    longest = asyncio.run(_waits(here, timer))
    assert any(one.message.file for one in here.news())
    assert longest < 1.0  # as a turn that writes them all takes several


async def _waits(here: Stand, timer: DueTimer) -> float:
    worker = Worker(here.database)
    asides = Asides(here.database, worker, FixedClock(here.now), here.bot, lambda touched: None)
    asides.start()
    asides._wanted(timer)
    longest, asked = 0.0, 0

    def look() -> None:
        with here.database.unit_of_work() as uow:
            uow.people.get(1)

    await asyncio.sleep(0)
    while asides.busy or not asked:
        before = time.monotonic()
        await worker.run(look)
        longest, asked = max(longest, time.monotonic() - before), asked + 1
        await asyncio.sleep(0.005)
        assert asked < 20_000
    await asides.stop()
    worker.close()
    return longest


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("when", [1, 2, 3])
def test_who_is_erased_while_it_is_made_is_not_in_it(
    form: str, when: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.exports.AT_ONCE", 0)
    monkeypatch.setattr("bot.exports.PAGE", 1)
    here = Stand((programme(),))
    for account, name in (
        ("200", "Léa Gone"),
        ("201", "Tom Stays"),
        ("202", "Samir Sees"),
        ("203", "Marc"),
    ):
        here.join(account, name)
    for account in ("200", "201"):
        here.pair(account, "203")
    with here.work() as uow:
        for pair in uow.session.scalars(select(Pair)):
            pair.supervisor_id = here.ids["202"]
    here.command(CLAIRE, "exporter", f"binomes {form}")
    timer, steps = here.wanted("export"), 0

    def erase() -> None:
        nonlocal steps
        steps += 1
        if steps == when:
            for account in ("200", "202"):
                here.command(account, "effacer-oui")

    content = file_of(here.beside(timer, erase) or [])
    rows = cells(content)[0] if form == "xlsx" else content.decode().splitlines()
    said = str(rows)
    assert "Tom Stays" in said
    assert "Gone" not in said
    assert "Samir" not in said
    assert len(rows) == 2


def test_a_file_asked_for_twice_or_of_nothing() -> None:
    here = Stand((programme(),))
    assert told(here.command(CLAIRE, "exporter", "binomes"), CLAIRE, "Rien à exporter")
    assert told(here.command(CLAIRE, "exporter", "demandes pdf"), CLAIRE, "Quel fichier")
    here.now += timedelta(days=1)
