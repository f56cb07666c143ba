"""Interviews the one who asked hears of, and a team that reads before anybody is proposed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.errors import CordeeError
from bot.programmes.load import parse
from bot.programmes.queue import QueueRules
from tests.asking import GONE, LEA, MARC, TOM, act, answer, ask, asks, proposals, request, stand
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

PAULE, OMAR = "2", "3"
WHEN = "mardi 18 h, par téléphone"


def team(*experts: str, first: bool = False) -> Stand:
    one = stand(*experts, here=programme(queue=QueueRules(digests=(), feasible_first=first)))
    one.join(PAULE, "Paule", role="staff")
    one.join(OMAR, "Omar", role="staff")
    asks(one)
    return one


def invited(one: Stand) -> list[Heard]:
    return one.press(CLAIRE, encode(RunToken("entretien", f"1-{one.ids[PAULE]}")))


def state(one: Stand) -> str:
    with one.work() as uow:
        [found] = uow.casework.interviews(1)
        return found.state


# --- interviews -----------------------------------------------------------------------------------


def test_the_mentee_hears_nothing_before_a_colleague_says_yes() -> None:
    one = team()
    assert not told(invited(one), LEA)


def test_the_mentee_hears_who_and_once() -> None:
    one = team()
    heard = invited(one)
    soon = button(heard, PAULE, "sans date")
    heard = one.press(PAULE, soon)
    [said] = told(heard, LEA)
    assert "Paule va prendre contact" in said.text
    assert not told(one.press(PAULE, soon), LEA)
    assert state(one) == "told"


def test_a_moment_that_comes_too_late_is_kept_as_a_note() -> None:
    one = team()
    one.press(PAULE, button(invited(one), PAULE, "dire quand"))
    act(one, LEA, "withdraw", 1, request(one).version)
    heard = one.say(PAULE, WHEN)
    assert told(heard, PAULE, "tes mots sont gardés comme note")
    assert not told(heard, LEA)
    with one.work() as uow:
        assert [uow.casework.words(row) for row in uow.casework.notes(1)] == [WHEN]


def test_the_mentee_hears_when_and_may_say_no_to_it() -> None:
    one = team()
    one.press(PAULE, button(invited(one), PAULE, "dire quand"))
    heard = one.say(PAULE, WHEN)
    assert told(heard, LEA, WHEN)
    busy = button(heard, LEA, "ne me va pas")
    heard = one.press(LEA, busy)
    assert told(heard, PAULE, "le moment de l’entretien ne convient pas")
    assert told(one.say(LEA, "plutôt jeudi soir"), PAULE, "plutôt jeudi soir")
    assert not told(one.press(LEA, busy), PAULE)  # it is known already
    one.press(PAULE, button(heard, PAULE, "Proposer un moment"))
    heard = one.say(PAULE, "jeudi 20 h")
    assert told(heard, LEA, "jeudi 20 h")
    assert not told(one.press(LEA, busy), PAULE)  # that was about Tuesday
    assert told(one.press(LEA, button(heard, LEA, "ne me va pas")), PAULE)
    page = told(one.command(CLAIRE, "demandes", "1"), CLAIRE)[-1].text
    for words in (WHEN, "plutôt jeudi soir", "le moment ne convient pas"):
        assert words in page


def test_who_was_told_to_wait_for_a_call_hears_that_it_will_not_come() -> None:
    one = team()
    heard = invited(one)
    no = button(heard, PAULE, "Pas possible")
    one.press(PAULE, button(heard, PAULE, "sans date"))
    with one.work() as uow:
        [found] = uow.casework.interviews(1)
        version = found.version
    assert told(one.press(PAULE, encode(ActToken("interview-no", 1, version))), LEA, "Paule ne")
    assert not told(one.press(PAULE, no), LEA)


def test_who_is_asked_and_says_no_at_once_leaves_the_mentee_in_peace() -> None:
    one = team()
    assert not told(one.press(PAULE, button(invited(one), PAULE, "Pas possible")), LEA)


def test_an_interview_of_ones_own() -> None:
    one = team()
    heard = one.press(CLAIRE, encode(RunToken("entretien", f"1-{one.ids[CLAIRE]}")))
    assert told(one.press(CLAIRE, button(heard, CLAIRE, "sans date")), LEA, "Claire va prendre")


def test_the_answer_reaches_the_one_in_charge_when_the_interviewer_has_left() -> None:
    one = team()
    heard = one.press(PAULE, button(invited(one), PAULE, "sans date"))
    act(one, CLAIRE, "claim", 1, 0)
    with one.work() as uow:
        uow.people.enrol(one.ids[PAULE], "ax-accompagnement", "staff", now=one.now, state="ended")
    heard = one.press(LEA, button(heard, LEA, "ne me va pas"))
    assert told(heard, CLAIRE, "ne convient pas")
    assert not told(heard, PAULE)


def test_nobody_else_answers_for_them() -> None:
    one = team()
    one.press(PAULE, button(invited(one), PAULE, "sans date"))
    for account, verb in ((TOM, "interview-busy"), (CLAIRE, "interview-busy"),
                          (OMAR, "interview-soon"), (LEA, "interview-when")):  # fmt: skip
        assert GONE in act(one, account, verb, 1, 2)[-1].text
    assert state(one) == "told"


def test_an_interview_may_be_noted_after_the_request_has_come_to_its_end() -> None:
    one = team(MARC)
    invited(one)
    ask(one, MARC)
    heard = answer(one, MARC, "accept")
    [over] = told(heard, PAULE, "n’attend plus d’entretien")
    heard = one.press(PAULE, over.choices["Écrire la note"])
    assert told(heard, PAULE, "Que retenir")
    assert told(one.say(PAULE, "Elle sait où elle va."), PAULE, "noté")
    assert told(one.command(CLAIRE, "demandes", "1"), CLAIRE, "Elle sait où elle va.")
    assert state(one) == "done"


def test_nobody_on_pause_is_handed_a_request_or_an_interview() -> None:
    one = team()
    one.command(OMAR, "pause", "tout")
    for verb in ("confier", "entretien"):
        heard = one.command(CLAIRE, verb, "1")
        assert "Paule" in heard[-1].choices
        assert "Omar" not in heard[-1].choices
        heard = one.press(CLAIRE, encode(RunToken(verb, f"1-{one.ids[OMAR]}")))  # an old button
        assert told(heard, CLAIRE, "Omar est en pause")
        assert not told(heard, OMAR)
    assert request(one).owner_id is None


def test_a_colleague_may_be_named() -> None:
    one = team()
    heard = one.command(CLAIRE, "confier", "1 oma")
    assert told(heard, OMAR, "Claire")
    assert request(one).owner_id == one.ids[OMAR]
    assert told(one.command(CLAIRE, "entretien", "1 Personne"), CLAIRE, "ne porte ce nom")


def test_among_many_colleagues_it_says_how_to_name_another() -> None:
    one = team()
    assert one.command(CLAIRE, "confier", "1")[-1].message.note is None
    for number in range(40, 62):
        one.join(str(number), f"Collègue {number}", role="staff")
    heard = one.command(CLAIRE, "confier", "1")
    assert "confier 1 Nom" in (heard[-1].message.note or "")


# --- the team reads first -------------------------------------------------------------------------


def test_by_default_experts_are_proposed_at_once() -> None:
    assert request(team(MARC)).state == "proposed"


def test_where_the_file_says_so_nobody_is_proposed_before_the_yes() -> None:
    one = team(MARC, first=True)
    assert request(one).state == "team"
    assert not proposals(one)
    assert "D’autres" not in str([h.choices for h in one.command(LEA, "demande")])
    act(one, LEA, "others")  # a forged button
    one.press(CLAIRE, encode(RunToken("proposer", f"1-{one.ids[MARC]}")))
    assert not proposals(one)
    heard = act(one, CLAIRE, "feasible-plain")
    [said] = told(heard, LEA)
    assert "peut y répondre" in said.text
    assert "Marc Aubier" in said.text
    assert told(heard, CLAIRE, "Les propositions viennent de partir")
    assert request(one).state == "proposed"
    ask(one, MARC)
    answer(one, MARC, "accept")
    assert request(one).state == "matched"


def test_what_was_proposed_before_the_file_said_so_goes_on() -> None:
    one = team(MARC)
    one.run(programme(queue=QueueRules(digests=(), feasible_first=True)))
    ask(one, MARC)
    answer(one, MARC, "accept")
    assert request(one).state == "matched"


def test_a_yes_for_whom_nobody_fits_stays_with_the_team() -> None:
    one = team(first=True)
    heard = act(one, CLAIRE, "feasible-plain")
    assert told(heard, CLAIRE, "il reste à proposer quelqu’un")
    assert not told(heard, LEA)
    assert request(one).state == "team"


@pytest.mark.parametrize("brought", [lambda one: None, lambda one: ask(one, MARC)])
def test_what_is_changed_after_the_yes_is_read_again(brought: Callable[[Stand], object]) -> None:
    one = team(MARC, first=True)
    act(one, CLAIRE, "feasible-plain")
    brought(one)
    [asked] = told(act(one, LEA, "revise", 1, request(one).version), LEA)
    [wish] = [line.choice for line in asked.message.lines if "finance" in line.text]
    assert wish is not None
    one.press(LEA, wish.token)
    heard = one.say(LEA, "Comment entrer dans la finance durable, en Allemagne ?")
    heard = one.press(LEA, button(heard, LEA, "Envoyer"))
    assert told(heard, LEA, "lit d’abord")
    assert request(one).state == "team"
    proposal = proposals(one)[one.ids[MARC]]
    act(one, LEA, "ask", proposal.id, proposal.version)
    act(one, CLAIRE, "send", proposal.id, proposal.version)
    assert request(one).state == "team"
    assert "Réponses modifiées" in told(one.command(CLAIRE, "demandes", "1"), CLAIRE)[-1].text


def test_a_campaign_proposes_by_itself() -> None:
    ways = programme("ax-mentorat").model_dump(by_alias=True, mode="json")
    ways["queue"]["feasible_first"] = True
    with pytest.raises(CordeeError, match="a campaign proposes by itself"):
        parse(ways, "x.toml")


# --- the interviewer goes -------------------------------------------------------------------------


def gone(one: Stand, way: str) -> list[Heard]:
    if way == "leaves":
        return one.command(PAULE, "effacer-oui")
    return one.command(CLAIRE, "roles", "- Paule équipe")


@pytest.mark.parametrize("way", ["leaves", "role"])
def test_who_waits_for_a_colleague_who_goes_hears_that_somebody_else_will_come(way: str) -> None:
    one = team()
    one.press(CLAIRE, encode(ActToken("claim", 1, 0)))
    soon = button(invited(one), PAULE, "sans date")
    one.press(PAULE, soon)
    heard = gone(one, way)
    [said] = told(heard, LEA)
    assert "quelqu’un d’autre qui prendra contact avec toi" in said.text
    assert "Paule" not in said.text
    assert told(heard, CLAIRE, "devait mener l’entretien n’est plus là")
    assert not told(heard, OMAR)  # it is Claire who sees to it
    with one.work() as uow:
        left = [(found.state, found.interviewer_id) for found in uow.casework.interviews(1)]
    assert left == ([] if way == "leaves" else [("declined", one.ids[PAULE])])
    assert not told(one.press(PAULE, soon), LEA)


@pytest.mark.parametrize("way", ["leaves", "role"])
def test_who_was_told_nothing_yet_is_left_in_peace_and_the_team_hears(way: str) -> None:
    one = team()
    invited(one)
    heard = gone(one, way)
    assert not told(heard, LEA)
    assert told(heard, CLAIRE, "devait mener l’entretien")  # she asked for it


def test_whose_role_is_taken_elsewhere_keeps_their_interviews() -> None:
    one = team()
    one.press(PAULE, button(invited(one), PAULE, "sans date"))
    one.command(CLAIRE, "roles", "+ Paule responsable")
    assert not told(one.command(CLAIRE, "roles", "- Paule équipe"), LEA)
    assert state(one) == "told"


# --- words of distress ----------------------------------------------------------------------------

DISTRESS = "Non. J’ai envie de mourir."
NADIA = "40"


def guarded() -> tuple[Stand, list[Heard]]:
    """Paule has said when; Nadia is named for safeguarding."""
    one = team()
    one.join(NADIA, "Nadia Roux", role="safeguarding")
    one.press(PAULE, button(invited(one), PAULE, "dire quand"))
    return one, one.say(PAULE, WHEN)


@pytest.mark.parametrize("hours", [0, 1, 240])
def test_words_of_distress_are_heard_while_a_better_moment_is_asked_for(hours: int) -> None:
    """P5: at once, and when the question was left alone for days."""
    one, heard = guarded()
    one.press(LEA, button(heard, LEA, "ne me va pas"))
    one.now += timedelta(hours=hours)
    heard = one.say(LEA, DISTRESS)
    assert told(heard, NADIA, DISTRESS)
    assert told(heard, LEA, "3114")
    if not hours:
        assert told(heard, PAULE, "confiés à la personne chargée de la protection")
        assert not told(heard, LEA, "Paule a bien")  # she has not
    heard += one.command(CLAIRE, "demandes", "1")
    assert not any(told(heard, who, "mourir") for who in (CLAIRE, PAULE, OMAR))


@pytest.mark.parametrize("hours", [0, 1])
def test_what_the_team_notes_is_about_others_for_as_long_as_it_is_awaited(hours: int) -> None:
    one, _ = guarded()
    act(one, PAULE, "note")
    one.now += timedelta(hours=hours)
    assert bool(told(one.say(PAULE, DISTRESS), NADIA)) == bool(hours)


def test_a_question_left_alone_does_not_stand_in_the_way_of_a_call_for_help() -> None:
    one, heard = guarded()
    one.press(LEA, button(heard, LEA, "ne me va pas"))
    one.now += timedelta(hours=1)
    assert button(one.say(LEA, "j’ai besoin d’aide"), LEA, "Prévenir")


# --- words that nobody takes any more -------------------------------------------------------------


def test_words_asked_for_by_somebody_who_is_gone_are_not_lost() -> None:
    one, heard = guarded()
    one.press(LEA, button(heard, LEA, "ne me va pas"))
    one.press(PAULE, encode(RunToken("effacer-oui", "")))
    heard = one.say(LEA, "plutôt jeudi soir")
    assert not told(heard, LEA, GONE)
    heard = one.press(LEA, button(heard, LEA, "Transmettre"))
    assert told(heard, CLAIRE, "plutôt jeudi soir")
    assert button(one.say(LEA, "j’ai besoin d’aide"), LEA, "Prévenir")


def test_words_of_distress_are_heard_though_nobody_takes_the_words() -> None:
    one, heard = guarded()
    one.press(LEA, button(heard, LEA, "ne me va pas"))
    one.press(PAULE, encode(RunToken("effacer-oui", "")))
    heard = one.say(LEA, DISTRESS)
    assert told(heard, NADIA, DISTRESS)
    assert told(heard, LEA, "3114")
    assert not told(heard, LEA, GONE)
    heard = one.command(LEA, "orienter", f"99 {DISTRESS}")  # any refusal
    assert told(heard, NADIA, DISTRESS)
    assert not told(heard, LEA, GONE)


def test_a_note_refused_is_no_word_of_its_author_s_own() -> None:
    one, _ = guarded()
    act(one, OMAR, "note")
    with one.work() as uow:
        uow.people.enrol(one.ids[OMAR], "ax-accompagnement", "staff", now=one.now, state="ended")
    heard = one.say(OMAR, DISTRESS)
    assert not told(heard, NADIA)
    assert not told(heard, OMAR, "3114")
    assert not one.say(OMAR, "bonjour ?")[0].text.startswith(GONE)
