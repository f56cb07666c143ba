"""Lists, files and alerts of the team are read by somebody too: who, and whose, is written down."""

import pytest
from sqlalchemy import event, select

from bot.commands.mine import read_what
from bot.flows.flags import FOR_GUARDS
from bot.i18n import words
from bot.programmes.load import load
from storage.rectifications import READ
from storage.tables import Audit
from tests.stand import CLAIRE, Stand, told
from tests.test_triage import DAY, HARD, OPENS, SOFIA, answer, page, stand

__all__ = ["stand"]  # the fixture


def reads(stand: Stand, *what: str) -> list[tuple[str, str, str]]:
    """What, who and whose, in the order in which they were noted."""
    with stand.work() as uow:
        rows = uow.session.scalars(select(Audit).where(Audit.verb == READ).order_by(Audit.id)).all()
        found = [(row.detail["what"], row.actor_id or 0, row.thing_id or 0) for row in rows]
        names = uow.people.names(n for _, *both in found for n in both)
        return [(one, names[by], names[of]) for one, by, of in found if not what or one in what]


def test_whoever_is_told_an_answer_that_calls_for_them_has_read_it(stand: Stand) -> None:
    stand.until(OPENS + DAY)
    heard = answer(stand, "ines", HARD)
    alerted = [one.to for one in heard if one.key.startswith("report-alert")]
    assert sorted(alerted) == sorted([CLAIRE, SOFIA])
    assert len(reads(stand)) == 2
    assert {of for _, _, of in reads(stand, "alert")} == {"Inès Ferrat"}
    assert "Sofia" in {by for _, by, _ in reads(stand, "alert")}


def test_words_passed_on_and_a_call_for_help_are_read_by_the_team(stand: Stand) -> None:
    stand.command("malo", "besoin", "Je n’y arrive plus")
    assert {(what, of) for what, _, of in reads(stand)} == {("alert", "Malo Kerven")}


def test_of_the_list_and_the_pages_only_what_was_shown(stand: Stand) -> None:
    stand.until(OPENS + DAY)
    answer(stand, "ines", HARD)
    stand.command(SOFIA, "a-voir")
    assert reads(stand, "triage") == [("triage", "Sofia", "Inès Ferrat")]
    page(stand, "malo", SOFIA)
    stand.command(SOFIA, "a-voir", f"{stand.ids['malo']}.answers")  # who has sent nothing
    assert [of for _, _, of in reads(stand, "triage", "answers")] == ["Inès Ferrat", "Malo Kerven"]
    stand.command(SOFIA, "a-voir", f"{stand.ids['ines']}.answers")
    stand.command(SOFIA, "a-voir", "fichier")
    assert reads(stand, "triage", "answers")[2:] == [
        ("answers", "Sofia", "Inès Ferrat"),
        ("triage", "Sofia", "Inès Ferrat"),
    ]


@pytest.mark.parametrize("name", ["demandes", "binomes", "rapports", "souhaits"])
def test_a_file_is_read_of_each_person_in_it_in_one_statement(stand: Stand, name: str) -> None:
    stand.join("paul", "Paul Sorel", role="mentor")
    stand.until(OPENS + DAY)
    for who in ("ines", "malo"):
        answer(stand, who, HARD)
        with stand.work() as uow:
            mine = stand.ids[who]
            uow.requests.add(mine, "emergence", 0, kind="long_term", shared={}, features={},
                             now=stand.now, due_at=None)  # fmt: skip
            uow.reports.set_wish(mine, "emergence", kind="job", field="f", place="p",
                                 start_on=None, months=None, now=stand.now)  # fmt: skip
        stand.pair(who, "paul")
    written: list[str] = []

    def seen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO audit"):
            written.append(statement)

    event.listen(stand.database.engine, "before_cursor_execute", seen)
    stand.command(SOFIA, "exporter", name)
    event.remove(stand.database.engine, "before_cursor_execute", seen)
    found = reads(stand, f"export-{name}")
    pairs = {"Paul Sorel"} if name == "binomes" else set()
    assert {of for _, _, of in found} == {"Inès Ferrat", "Malo Kerven"} | pairs
    assert len(found) == 2 + len(pairs)
    assert {by for _, by, _ in found} == {"Sofia"}
    assert len(written) == 2  # all of them, and that a file was taken


def test_the_person_is_told_by_whom_and_what(stand: Stand) -> None:
    stand.until(OPENS + DAY)
    answer(stand, "ines", HARD)
    stand.command(SOFIA, "a-voir")
    stand.command(SOFIA, "exporter", "rapports")
    [heard] = told(stand.command("ines", "mes-donnees", "lectures"), "ines")
    for words_ in ("À voir en premier", "le fichier des rapports", "transmis à l’équipe"):
        assert words_ in heard.text
    assert "Sofia" not in heard.text  # the programme says the team, not who


def test_every_kind_of_reading_has_words() -> None:
    kinds = ["request", "pair", "triage", "answers", "alert", "card", *FOR_GUARDS]
    for preset in ("emergence", "ax-accompagnement"):
        for lang in ("fr", "en"):
            w = words(lang, load(preset).register)
            assert all(read_what(w, {"what": what}) for what in kinds)
