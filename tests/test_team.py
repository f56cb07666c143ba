"""The team's verbs and files, and dialogues that have moved on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.dialogue.engine import Confirm, Resume
from bot.dialogue.tokens import ActToken, DialogueToken, FormToken, RunToken, encode
from bot.events import Author, Pressed
from bot.messages import File, MessageRef
from storage.tables import Conversation
from tests.asking import (
    GONE,
    INES,
    LEA,
    MARC,
    PAUL,
    TOM,
    act,
    answer,
    ask,
    expert,
    in_state,
    proposals,
    request,
    stand,
    states,
    stranger,
    timers,
)
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

OCTOBER = datetime(2026, 10, 1, 9, tzinfo=UTC)


# --- the team and requests ------------------------------------------------------------------------


def test_proposing_needs_the_number_of_a_request() -> None:
    one = in_state("team")
    assert told(one.command(CLAIRE, "proposer", "qui ?"), CLAIRE, "Le numéro de la demande")
    assert told(one.command(CLAIRE, "proposer", "77"), CLAIRE, GONE)
    assert told(one.command(LEA, "proposer", "1"), LEA, GONE)
    assert told(one.command(CLAIRE, "demandes", "77"), CLAIRE, GONE)


def test_a_pair_by_hand_is_the_answer_to_what_was_asked() -> None:
    one = in_state("asked")
    expert(one, PAUL)
    heard = one.command(CLAIRE, "binomes", "Léa Martin, Paul Petit")
    assert told(heard, MARC, "il n’y a plus rien à faire")
    assert (request(one).state, one.get_pair(1).request_id) == ("matched", 1)
    assert set(states(one).values()) <= {"withdrawn", "shown"}
    assert not [h for h in one.days(40) if "n° 1" in h.text and "demande" in h.text.lower()]


def test_a_pair_that_waits_for_its_mentor_leaves_the_request_in_the_queue_until_the_yes() -> None:
    one = in_state("team")
    expert(one, PAUL, charter=False)
    heard = one.command(CLAIRE, "binomes", "Léa Martin, Paul Petit")
    assert request(one).state == "team"
    one.press(PAUL, button(heard, PAUL, "J’accepte la charte"))
    assert request(one).state == "matched"


@pytest.mark.parametrize("verb", ["demandes", "proposer", "binomes"])
def test_a_number_longer_than_any_of_ours_is_nobody_s(verb: str) -> None:
    assert told(in_state("team").command(CLAIRE, verb, "9" * 40), CLAIRE, GONE)


def test_the_team_looks_for_somebody_by_fit_or_by_words() -> None:
    one = in_state("team")
    assert told(one.command(CLAIRE, "proposer", "1"), CLAIRE, "Personne n’a été trouvé")
    expert(one, PAUL)
    assert told(one.command(CLAIRE, "proposer", "1"), CLAIRE, "Paul Petit")
    assert not told(one.command(CLAIRE, "proposer", "1 Zoé"), CLAIRE, "Zoé")
    heard = one.command(CLAIRE, "proposer", "1 Moreau")
    (line,) = told(heard, CLAIRE)[0].message.lines
    assert line.choice is not None
    with one.work() as uow:
        uow.directory.take_place(one.ids[INES], one.now)
    (line,) = told(one.command(CLAIRE, "proposer", "1 Moreau"), CLAIRE)[0].message.lines
    assert line.choice is None
    assert "Pas disponible en ce moment" in line.text


def by_hand(one: Stand, person: int, number: int = 1) -> list[Heard]:
    return one.press(CLAIRE, encode(RunToken("proposer", f"{number}-{person}")))


def test_somebody_chosen_by_the_team_is_shown_and_the_mentee_decides() -> None:
    one = in_state("team")
    expert(one, PAUL, bio="tout autre chose")
    heard = by_hand(one, one.ids[PAUL])
    assert told(heard, CLAIRE, "✓ Proposition envoyée")
    assert told(heard, LEA, "Une proposition de l’équipe")
    assert not told(heard, PAUL)
    assert (request(one).state, states(one)[PAUL]) == ("proposed", "shown")
    assert told(ask(one, PAUL), PAUL, "Une demande pour toi")


def test_the_team_proposes_neither_the_busy_nor_the_mentee_nor_twice_nor_too_late() -> None:
    one = in_state("asked")
    assert told(by_hand(one, one.ids[INES]), CLAIRE, "une personne est sollicitée")
    answer(one, MARC, "decline")
    answer(one, INES, "decline")
    assert told(by_hand(one, one.ids[LEA]), CLAIRE, "Pas disponible")
    heard = by_hand(one, one.ids[INES])  # who has said no
    assert told(heard, CLAIRE, "ne peut pas cette fois")
    assert not told(heard, LEA)
    with one.work() as uow:
        uow.directory.pause(one.ids[MARC], one.now)
    assert told(by_hand(one, one.ids[MARC]), CLAIRE, "Pas disponible")
    assert request(one).state == "team"


def test_the_team_proposes_again_somebody_whose_proposal_was_taken_back() -> None:
    one = in_state("asked")
    act(one, LEA, "team")
    assert states(one)[MARC] == "withdrawn"
    assert told(by_hand(one, one.ids[MARC]), LEA, "Marc Aubier")
    assert states(one)[MARC] == "shown"


def test_the_team_asks_in_the_mentees_place() -> None:
    one = in_state("proposed")
    proposal = proposals(one)[one.ids[MARC]]
    assert told(act(one, CLAIRE, "send", 99), CLAIRE, GONE)
    assert told(act(one, LEA, "send", proposal.id, proposal.version), LEA, GONE)
    stale = act(one, CLAIRE, "send", proposal.id, proposal.version + 5)
    assert told(stale, CLAIRE, "Demande n° 1")
    assert request(one).state == "proposed"
    heard = act(one, CLAIRE, "send", proposal.id, proposal.version)
    assert told(heard, CLAIRE, "Demande envoyée à Marc Aubier")
    assert told(heard, LEA, "maintenant chez Marc Aubier")
    assert told(heard, MARC, "Une demande pour toi")
    assert states(one)[MARC] == "asked"


@pytest.mark.parametrize("why", ["full", "away"])
def test_the_team_sends_nothing_to_somebody_without_a_place(why: str) -> None:
    one = in_state("proposed")
    with one.work() as uow:
        if why == "full":
            uow.directory.take_place(one.ids[MARC], one.now)
        else:
            uow.directory.pause(one.ids[MARC], one.now)
    proposal = proposals(one)[one.ids[MARC]]
    heard = act(one, CLAIRE, "send", proposal.id, proposal.version)
    assert told(heard, CLAIRE, "Pas disponible")
    assert not told(heard, MARC)
    assert request(one).state == "proposed"


@pytest.mark.parametrize("state", ["proposed", "asked", "team", "matched", "closed"])
def test_the_team_closes_what_nobody_holds(state: str) -> None:
    one = in_state(state)
    version = request(one).version
    assert told(act(one, CLAIRE, "staff-close-request", 1, version + 1), CLAIRE, "Demande n° 1")
    assert request(one).state == state
    heard = act(one, CLAIRE, "staff-close-request", 1, version)
    closed = state in ("proposed", "team")
    assert bool(told(heard, LEA, "l’a close")) == closed
    assert request(one).state == ("closed" if closed else state)
    if closed:
        assert "request-stale" not in timers(one)
        (shown,) = told(one.command(CLAIRE, "demandes", "1"), CLAIRE)
        assert not [label for label in shown.choices if "Clore" in label or "Proposer" in label]


# --- the team and pairs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Léa", "Un binôme se fait avec deux personnes"),
        ("Léa Marc Inès", "Un binôme se fait avec deux personnes"),
        ("Léa, Personne", "Personne n’a été trouvé"),
        ("Personne, Marc", "Personne n’a été trouvé"),
        ("Léa, Léa Martin", "Personne n’a été trouvé"),
        ("Léa, yves@exemple.invalid", "Yves Montoux n’a pas encore rejoint ce programme"),
        ("12", GONE),
        ("", "Aucun binôme en cours"),
    ],
)
def test_words_that_make_no_pair(words: str, said: str) -> None:
    one = stand(MARC, INES)
    stranger(one)
    assert told(one.command(CLAIRE, "binomes", words), CLAIRE, said)
    with one.work() as uow:
        assert not uow.pairs.of_programme(one.programmes[0].id)


def test_two_words_make_a_pair_once_and_a_busy_mentor_gets_no_other() -> None:
    one = stand(MARC)
    assert told(one.command(CLAIRE, "binomes", "Léa Marc"), CLAIRE, "Binôme n° 1 formé")
    assert told(one.command(CLAIRE, "binomes", "Léa ; Marc"), CLAIRE, "déjà en binôme")
    assert told(one.command(CLAIRE, "binomes", "Tom + Marc"), CLAIRE, "Pas disponible")
    (table,) = [h.message.table for h in told(one.command(CLAIRE, "binomes"), CLAIRE)]
    assert table is not None
    assert [row[:3] for row in table.rows] == [("1", "Léa Martin", "Marc Aubier")]


# --- reports, files, invitations, roles -----------------------------------------------------------


def reporting() -> Stand:
    """Émergence, with the reports of the summer opened for Léa and Tom."""
    one = stand(here=programme("emergence"))
    one.until(OCTOBER)
    return one


def test_no_reports_in_a_programme_without_them() -> None:
    one = stand()
    assert told(one.command(CLAIRE, "bilan"), CLAIRE, "il n’y a pas de rapport")
    assert told(one.command(LEA, "rapport"), LEA, "il n’y a pas de rapport")


def test_who_is_missing_is_listed_and_reminded_once_a_day() -> None:
    one = reporting()
    (shown,) = told(one.command(CLAIRE, "bilan", "n’importe quoi"), CLAIRE)
    assert "0 sur 2" in shown.text
    assert shown.message.table is not None
    assert {row[0] for row in shown.message.table.rows} == {"Léa Martin", "Tom Blanc"}
    assert told(one.command(CLAIRE, "relancer"), CLAIRE)
    heard = one.days(0.05)
    assert told(heard, LEA, "Petit rappel")
    assert told(heard, TOM, "Petit rappel")
    assert told(one.command(CLAIRE, "relancer"), CLAIRE, "déjà été relancés aujourd’hui")
    assert not told(one.days(0.05), LEA)


def test_a_quarter_without_reports_has_nobody_missing() -> None:
    one = reporting()
    (shown,) = told(one.command(CLAIRE, "bilan", "2020T1"), CLAIRE)
    assert "0 sur 0" in shown.text
    assert shown.message.table is None
    assert not shown.message.choices
    one.command(CLAIRE, "relancer", "2020T1")
    assert not told(one.days(0.05), LEA)


def test_my_report_before_it_opens_once_it_is_closed_and_somebody_elses() -> None:
    one = stand(here=programme("emergence"))
    assert told(one.command(LEA, "rapport"), LEA, "Ton prochain rapport s’ouvrira")
    one.until(OCTOBER)
    with one.work() as uow:
        theirs = uow.reports.latest(one.ids[TOM], "emergence")
        mine = uow.reports.latest(one.ids[LEA], "emergence")
        assert theirs is not None
        assert mine is not None
        number, talk = theirs.id, mine.conversation_id
    for words in (f"#{number}", "pas un trimestre", "2020T1", "2026T3", ""):
        heard = one.command(LEA, "rapport", words)
        assert told(heard, LEA)
        with one.work() as uow:
            assert uow.people.get(one.ids[LEA]).focus_id == talk  # type: ignore[union-attr]
    one.days(60)
    assert told(one.command(LEA, "rapport", "2026T3"), LEA, "est clos")
    resume = encode(DialogueToken(talk or 0, Resume()))
    assert told(one.press(LEA, resume), LEA, "Le temps pour répondre")
    form = encode(FormToken(talk or 0, 1))
    assert told(one.press(LEA, form), LEA, "Le temps pour répondre")


@pytest.mark.parametrize("kind", ["demandes", "binomes", "rapports", "souhaits"])
def test_a_file_of_each_kind(kind: str) -> None:
    if kind in ("demandes", "binomes"):
        one = in_state("proposed")
        one.command(CLAIRE, "binomes", "Tom, Inès")
        expected = ("Léa Martin" if kind == "demandes" else "Inès Moreau").encode()
    else:
        one = reporting()
        expected = b"Tom Blanc"
        with one.work() as uow:
            uow.reports.set_wish(
                one.ids[TOM],
                "emergence",
                kind="internship",
                field="droit",
                place="Lyon",
                start_on=None,
                months=2,
                now=one.now,
            )
    (heard,) = told(one.command(CLAIRE, "exporter", kind), CLAIRE)
    assert isinstance(heard.message.file, File)
    assert heard.message.file.name.endswith(f"{kind}.csv")
    assert expected in heard.message.file.content


def test_no_file_when_there_is_nothing_or_the_kind_is_unknown() -> None:
    one = stand()
    for kind in ("demandes", "pairs", "rapports", "wishes"):
        assert told(one.command(CLAIRE, "exporter", kind), CLAIRE, "Rien à exporter")
    (which,) = told(one.command(CLAIRE, "exporter", "tout"), CLAIRE, "Quel fichier")
    assert len(which.choices) == 8  # each as text and as a workbook
    assert told(one.command(LEA, "exporter", "demandes"), LEA, GONE)


def test_an_invitation_goes_only_to_somebody_known_and_not_here() -> None:
    one = stand()
    number = stranger(one)
    for words in ("", "personne@exemple.invalid"):
        assert told(one.command(CLAIRE, "inviter", words), CLAIRE, "L’adresse e-mail")
    assert told(one.command(CLAIRE, "inviter", "Tom"), CLAIRE, "a déjà un compte ici")
    for words in ("yves@exemple.invalid", f"#{number}"):
        assert told(one.command(CLAIRE, "inviter", words), CLAIRE, "Yves Montoux")


def test_only_an_owner_changes_who_is_staff_and_never_themselves() -> None:
    one = stand()
    assert told(one.command(TOM, "roles"), TOM, GONE)
    with one.work() as uow:
        uow.people.enrol(one.ids[TOM], one.programmes[0].id, "staff", now=one.now)
    assert told(one.command(TOM, "roles", "- Claire"), TOM, GONE)  # staff, but no owner
    with one.work() as uow:
        for account in (CLAIRE, TOM):
            uow.people.enrol(one.ids[account], one.programmes[0].id, "owner", now=one.now)
    assert told(one.command(CLAIRE, "roles", "+ Personne"), CLAIRE, "Personne n’a été trouvé")
    assert told(one.command(CLAIRE, "roles", "- Claire"), CLAIRE, "ne se retire pas soi-même")
    assert told(one.command(CLAIRE, "roles", "+ Léa"), CLAIRE, "Léa Martin")
    (after,) = told(one.command(CLAIRE, "roles", "- Tom"), CLAIRE)
    assert "Tom" not in after.text
    assert told(one.command(TOM, "roles"), TOM, GONE)
    assert told(one.command(LEA, "demandes"), LEA, "Aucune demande")


# --- dialogues ------------------------------------------------------------------------------------


def test_a_questionnaire_gone_after_a_reload_is_kindly_refused_and_words_go_elsewhere() -> None:
    one = stand(MARC)
    one.command(LEA, "demande")
    with one.work() as uow:
        (talk,) = uow.talks.open_ones(one.ids[LEA])
        number = talk.id
    one.run(programme(intake=None))
    for token in (DialogueToken(number, Resume()), DialogueToken(number, Confirm())):
        assert told(one.press(LEA, encode(token)), LEA, GONE)
    assert not told(one.say(LEA, "En poste"), LEA, "De quoi as-tu besoin")
    assert told(one.command(LEA, "demande"), LEA, "l’équipe forme les binômes")
    with one.work() as uow:
        kept = uow.session.get(Conversation, number)
        assert kept is not None
        assert kept.status == "open"


def test_a_dialogue_of_somebody_else_is_not_there() -> None:
    one = stand(MARC)
    one.command(LEA, "demande")
    assert told(one.press(TOM, encode(DialogueToken(1, Resume()))), TOM, GONE)
    assert told(one.press(LEA, encode(ActToken("no-such-verb", 1, 1))), LEA, GONE)
    assert told(one.press(LEA, "no token at all"), LEA, GONE)


def test_a_dialogue_stopped_is_taken_up_where_it_was() -> None:
    one = stand(MARC)
    heard = one.command(LEA, "demande")
    heard = one.say(LEA, "En poste")
    heard = one.press(LEA, button(heard, LEA, "Arrêter"))
    assert told(heard, LEA, "On s’arrête là")
    assert told(heard, LEA, "rien n’est envoyé")
    one.now += timedelta(hours=1)
    assert told(one.command(LEA, "demande"), LEA, "De quoi as-tu besoin")


def test_words_that_fit_nowhere_can_be_handed_to_the_team() -> None:
    one = stand(MARC)
    one.command(LEA, "demande")
    heard = one.say(LEA, "xyzzy")
    heard = one.press(LEA, button(heard, LEA, "équipe"))
    assert told(heard, CLAIRE, "xyzzy")


def test_what_else_waits_is_offered_when_a_dialogue_ends() -> None:
    one = reporting()
    one.command(LEA, "profil")
    heard = one.command(LEA, "rapport")
    heard = one.press(LEA, button(heard, LEA, "Arrêter"))
    (offered,) = told(heard, LEA, "Il reste aussi ceci à terminer")
    assert "ton profil" in offered.text
    heard = one.press(LEA, offered.choices["Reprendre"])
    assert told(heard, LEA, "De quelle promotion")


def test_the_form_of_a_dialogue_opens_where_it_can_and_the_question_comes_where_it_cannot() -> None:
    one = stand(MARC)
    one.command(LEA, "demande")

    def opened(token: str) -> tuple[bool, list[Heard]]:
        author = Author("telegram", LEA, "telegram:9", "fr", "Léa")
        event = Pressed(
            id=f"form:{token}:{one.now}",
            author=author,
            at=one.now,
            token=token,
            on=MessageRef(LEA, "1"),
            can_open_form=True,
        )
        with one.work() as uow:
            ack = one.bot.handle(uow, event, one.now)
        return ack.form is not None, one.news()

    with one.work() as uow:
        (talk,) = uow.talks.open_ones(one.ids[LEA])
        form = encode(FormToken(talk.id, 1))
        nowhere = encode(FormToken(talk.id, 30))
    assert told(one.press(LEA, form), LEA, "Où en es-tu")
    assert opened(form) == (True, [])
    there, heard = opened(nowhere)
    assert not there
    assert told(heard, LEA, "Où en es-tu")


def test_changing_answers_twice_goes_on_where_the_first_change_was() -> None:
    one = in_state("proposed")
    (shown,) = told(act(one, LEA, "revise"), LEA)
    edit = next(x.choice.token for x in shown.message.lines if x.choice is not None)
    assert told(one.press(LEA, edit), LEA, "Où en es-tu")
    assert told(act(one, LEA, "revise"), LEA, "Où en es-tu")
    assert request(one).state == "proposed"


@pytest.mark.parametrize("ahead", [3600, 2**50])
def test_an_instant_that_nobody_was_asked_about_is_not_confirmed(ahead: int) -> None:
    one = stand()
    token = encode(ActToken("clock-right", int(one.now.timestamp()) + ahead, 1))
    assert told(one.press(CLAIRE, token), CLAIRE, GONE)
