"""The team's queue: one is in charge, somebody always hears, and what is written stays with us."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from bot.dialogue.questionnaire import Label
from bot.dialogue.tokens import ActToken, RunToken, encode
from bot.programmes.about import Body
from bot.programmes.load import load
from bot.programmes.queue import QueueRules
from storage.tables import Audit, Interview, Person, Request, RequestNote, Timer
from tests.asking import GONE, LEA, MARC, TOM, act, answer, ask, asks, expert, request, stand
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

PAULE, OMAR = "2", "3"
SECRET = "il veut quitter Soleil du Sud"


def team(**rules: object) -> Stand:
    """Claire, Paule and Omar are the team; Léa's request is with them. A Tuesday, 9 a.m."""
    here = programme(queue=QueueRules(digests=(), **rules))
    one = stand(here=here)
    one.join(PAULE, "Paule", role="staff")
    one.join(OMAR, "Omar", role="staff")
    asks(one)
    assert request(one).state == "team"
    return one


def press(one: Stand, account: str, verb: str, version: int = 0, number: int = 1) -> list[Heard]:
    return one.press(account, encode(ActToken(verb, number, version)))


def run(one: Stand, account: str, command: str, args: str) -> list[Heard]:
    return one.press(account, encode(RunToken(command, args)))


def owner(one: Stand, number: int = 1) -> int | None:
    return request(one, number).owner_id


def notes(one: Stand) -> list[tuple[str, str, int | None]]:
    with one.work() as uow:
        found = uow.casework.notes(1)
        return [(row.kind, uow.casework.words(row), row.by_id) for row in found]


# --- in charge ------------------------------------------------------------------------------------


def test_who_comes_second_is_told_who_came_first() -> None:
    one = team()
    assert told(press(one, CLAIRE, "claim"), CLAIRE, "à ton nom")
    late = press(one, PAULE, "claim")
    assert told(late, PAULE, "Claire vient de prendre en charge")
    assert owner(one) == one.ids[CLAIRE]


def test_only_who_is_in_charge_gives_back() -> None:
    one = team()
    press(one, CLAIRE, "claim")
    press(one, PAULE, "release", one.ids[CLAIRE])
    assert owner(one) == one.ids[CLAIRE]
    press(one, CLAIRE, "release", one.ids[CLAIRE])
    assert owner(one) is None


def test_a_request_is_handed_to_a_colleague_only() -> None:
    one = team()
    press(one, CLAIRE, "claim")
    for stranger in (one.ids[LEA], one.ids[TOM], 9999):
        assert GONE in run(one, CLAIRE, "confier", f"1-{stranger}")[-1].text
    heard = run(one, PAULE, "confier", f"1-{one.ids[OMAR]}")
    assert told(heard, OMAR, "Paule te la confie")
    assert told(heard, CLAIRE, "Paule l’a confiée à Omar")
    assert owner(one) == one.ids[OMAR]


def test_whoever_leaves_or_pauses_frees_what_they_had() -> None:
    one = team()
    press(one, PAULE, "claim")
    heard = one.command(CLAIRE, "roles", "- 2@exemple.invalid")
    assert told(heard, OMAR, "n’est plus là")
    assert owner(one) is None
    press(one, OMAR, "claim")
    assert told(one.command(OMAR, "pause"), OMAR, "est rendue à l’équipe")
    assert owner(one) is None


def test_a_role_that_ended_otherwise_counts_for_nothing() -> None:
    one = team()
    press(one, PAULE, "claim")
    with one.work() as uow:
        uow.people.enrol(one.ids[PAULE], "ax-accompagnement", "staff", now=one.now, state="ended")
    assert told(one.command(CLAIRE, "demandes", "libres"), CLAIRE, "à prendre en charge")
    assert owner(one) is None


def test_an_erased_colleague_leaves_their_notes_without_a_name() -> None:
    one = team()
    press(one, PAULE, "claim")
    press(one, PAULE, "note")
    one.say(PAULE, SECRET)
    one.press(PAULE, encode(RunToken("effacer-oui", "")))
    assert owner(one) is None
    assert notes(one) == [("note", SECRET, None)]


def test_another_body_to_which_the_queue_is_lent_may_be_in_charge() -> None:
    body = Body(id="soie", name=Label(fr="SOIE", en="SOIE"), may=("demandes",))
    here = programme(queue=QueueRules(digests=()), bodies=(body,))
    one = stand(here=here)
    asks(one)
    one.join(PAULE, "Paule", role="soie")
    press(one, PAULE, "claim")
    assert told(one.command(CLAIRE, "demandes"), CLAIRE, "Paule s’en occupe")
    one.run(programme(queue=QueueRules(digests=())))  # lent no longer
    assert owner(one) is None


# --- the clocks -----------------------------------------------------------------------------------


def test_the_team_is_told_again_then_the_owners() -> None:
    one = team()
    one.until(datetime(2026, 9, 3, 6, 59, tzinfo=UTC))
    assert not told(one.news(), CLAIRE)
    first = one.until(datetime(2026, 9, 3, 7, 1, tzinfo=UTC))
    assert all(told(first, who, "personne ne l’a encore prise") for who in (CLAIRE, PAULE, OMAR))
    second = one.until(datetime(2026, 9, 7, 7, 1, tzinfo=UTC))  # two working days on
    assert told(second, CLAIRE, "l’équipe a été relancée")  # the programme's owner
    assert not told(second, PAULE)


def test_a_team_that_is_all_on_pause_hears_nothing_and_the_owners_do() -> None:
    one = team()
    with one.work() as uow:
        uow.people.enrol(one.ids[CLAIRE], "ax-accompagnement", "staff", now=one.now, state="ended")
    for account in (PAULE, OMAR):
        one.command(account, "pause")
    first = one.until(datetime(2026, 9, 3, 7, 1, tzinfo=UTC))
    assert told(first, CLAIRE, "personne ne l’a encore prise")


def test_a_deadline_is_told_to_who_is_in_charge_then_to_the_others() -> None:
    one = team()
    press(one, PAULE, "claim")
    heard = one.days(7)  # five working days
    assert [h.to for h in told(heard, PAULE, "l’échéance est passée")] == [PAULE]
    assert not told(heard, CLAIRE)
    assert not told(heard, OMAR)
    heard = one.days(2)
    for other in (CLAIRE, OMAR):
        [late] = told(heard, other, "depuis plusieurs jours")
        assert "Paule" in late.text
    assert not told(heard, PAULE)
    assert not told(one.days(30), CLAIRE)  # each step once


def test_after_a_long_silence_of_the_machine_everybody_is_told_once() -> None:
    one = team()
    one.now = datetime(2026, 10, 1, 7, tzinfo=UTC)  # a month without a process
    one.run(*one.programmes)
    heard = one.fire()
    assert len(told(heard, PAULE, "personne ne l’a encore prise")) == 1
    assert len(told(heard, PAULE, "l’échéance est passée")) == 1
    one.run(*one.programmes)
    assert not one.fire()


def test_somebody_who_cannot_be_reached_does_not_count_as_told() -> None:
    one = team()
    press(one, PAULE, "claim")
    with one.work() as uow:
        for identity in uow.people.identities(one.ids[PAULE]):
            identity.reachable = False
    heard = one.days(7)
    assert told(heard, CLAIRE, "l’échéance est passée")
    assert told(heard, OMAR, "l’échéance est passée")


def test_the_clock_follows_the_file_but_a_step_is_not_taken_back() -> None:
    one = team()
    one.run(programme(queue=QueueRules(digests=(), claim_days=4)))
    assert not told(one.until(datetime(2026, 9, 7, 6, 59, tzinfo=UTC)), PAULE)
    assert told(one.until(datetime(2026, 9, 7, 7, 1, tzinfo=UTC)), PAULE, "personne ne l’a")
    heard = []
    for _ in range(3):  # a restart each day does not put the next step off
        heard += one.days(0.7)
        one.run(programme(queue=QueueRules(digests=(), claim_days=4)))
    assert len(told(heard, CLAIRE, "l’équipe a été relancée")) == 1


def test_a_request_in_the_hands_of_a_campaign_has_no_clock_of_the_team() -> None:
    one = Stand((load("ax-mentorat"),))
    with one.work() as uow:
        assert not uow.timers.list(kind="request-claim")


# --- interviews and notes -------------------------------------------------------------------------


def test_an_interview_is_asked_once_and_only_who_is_asked_may_settle_it() -> None:
    one = team()
    heard = run(one, CLAIRE, "entretien", f"1-{one.ids[PAULE]}")
    assert told(heard, PAULE, "Claire te demande un entretien")
    assert not told(run(one, OMAR, "entretien", f"1-{one.ids[PAULE]}"), PAULE)
    for stranger in (OMAR, LEA):
        assert GONE in press(one, stranger, "interview-note", 1)[-1].text
    one.press(PAULE, button(heard, PAULE, "Écrire la note"))
    heard = one.say(PAULE, SECRET)
    assert told(heard, CLAIRE, "Paule a mené l’entretien")
    assert SECRET not in told(heard, CLAIRE)[0].text
    assert told(one.command(OMAR, "demandes", "1"), OMAR, SECRET)
    assert notes(one) == [("interview", SECRET, one.ids[PAULE])]


def test_words_are_for_what_was_pressed_last_and_only_for_an_hour() -> None:
    one = team()
    press(one, CLAIRE, "note")
    one.command(CLAIRE, "demandes")
    one.say(CLAIRE, SECRET)
    press(one, CLAIRE, "note")
    one.days(1)
    one.say(CLAIRE, SECRET)
    press(one, CLAIRE, "note")
    long = one.say(CLAIRE, "x" * 2001)
    assert told(long, CLAIRE, "2000")
    assert notes(one) == []
    one.say(CLAIRE, SECRET)  # a shorter one
    assert [kind for kind, *_ in notes(one)] == ["note"]


def test_who_leaves_between_the_button_and_the_words_writes_nothing() -> None:
    one = team()
    press(one, PAULE, "note")
    with one.work() as uow:
        uow.people.enrol(one.ids[PAULE], "ax-accompagnement", "staff", now=one.now, state="ended")
    assert "pas de question en cours" in one.say(PAULE, SECRET)[-1].text  # kept, for them alone
    assert notes(one) == []


VERBS = ("claim", "release", "note", "judge", "feasible", "feasible-plain", "infeasible",
         "refuse-told", "refuse-kept", "reconsider", "interview-note", "interview-no",
         "staff-close-request")  # fmt: skip


def test_nobody_else_can_do_any_of_it() -> None:
    one = team()
    run(one, CLAIRE, "entretien", f"1-{one.ids[PAULE]}")
    press(one, CLAIRE, "infeasible", 1)
    one.say(CLAIRE, "parce que")
    for verb in VERBS:
        for version in (0, 1, one.ids[CLAIRE]):
            refused, missing = (press(one, LEA, verb, version, number) for number in (1, 77))
            assert [h.text for h in refused] == [h.text for h in missing] == [missing[0].text]
            assert GONE in missing[0].text
    for command in ("confier", "entretien"):
        assert GONE in run(one, LEA, command, f"1-{one.ids[PAULE]}")[-1].text
    assert (request(one).state, owner(one)) == ("team", None)


def test_what_is_noted_is_sealed_and_goes_with_the_one_it_is_about() -> None:
    one = team()
    press(one, PAULE, "claim")
    press(one, PAULE, "note")
    one.say(PAULE, SECRET)
    run(one, CLAIRE, "entretien", f"1-{one.ids[OMAR]}")
    with one.work() as uow:
        [row] = uow.session.scalars(select(RequestNote))
        assert SECRET.encode() not in (row.text or b"")
        assert [r["text"] for r in uow.privacy.export_person(one.ids[LEA])["request_note"]] == [
            SECRET
        ]
        assert not uow.privacy.export_person(one.ids[PAULE])["request_note"]
    one.press(LEA, encode(RunToken("effacer-oui", "")))
    with one.work() as uow:
        for entity in (Request, RequestNote, Interview):
            assert uow.session.scalar(select(func.count()).select_from(entity)) == 0
        pending = select(Timer.kind).where(Timer.state == "pending", Timer.subject_id == 1)
        assert not {k for k in uow.session.scalars(pending) if k.startswith("request-")}


# --- whether it can be answered -------------------------------------------------------------------


def refuse(one: Stand, told_or_kept: str = "refuse-told") -> list[Heard]:
    press(one, CLAIRE, "infeasible", request(one).version)
    heard = one.say(CLAIRE, "nous n’y connaissons personne")
    assert not told(heard, LEA)
    label = "Clore et le dire" if told_or_kept == "refuse-told" else "Clore sans"
    return one.press(CLAIRE, button(heard, CLAIRE, label))


def test_a_no_closes_and_says_why_only_when_staff_chose_to() -> None:
    one = team()
    [heard] = told(refuse(one, "refuse-kept"), LEA)
    assert "nous n’y connaissons" not in heard.text
    assert "l’équipe Carrières de l’AX" in heard.text
    assert request(one).state == "closed"
    one = team()
    [heard] = told(refuse(one), LEA)
    assert "nous n’y connaissons personne" in heard.text
    with one.work() as uow:
        verbs = list(uow.session.scalars(select(Audit.verb)))
    assert "request-infeasible" in verbs


def test_a_no_from_before_closes_nothing_that_has_moved_on_since() -> None:
    one = team()
    press(one, CLAIRE, "infeasible", request(one).version)
    old = button(one.say(CLAIRE, "nous n’y connaissons personne"), CLAIRE, "Clore et le dire")
    press(one, PAULE, "feasible-plain", request(one).version)
    heard = one.press(CLAIRE, old)
    assert not told(heard, LEA)
    assert request(one).state == "team"
    heard = one.press(CLAIRE, old)
    assert request(one).state == "team"
    # the reason is still there, and closes the request as it is shown now
    again = button(told(heard, CLAIRE, "nous n’y connaissons"), CLAIRE, "Clore et le dire")
    assert told(one.press(CLAIRE, again), LEA, "nous n’y connaissons personne")
    assert request(one).state == "closed"
    assert not told(one.press(CLAIRE, again), LEA)


@pytest.mark.parametrize(
    ("verb", "quicker"),
    [("feasible", (PAULE, "feasible-plain")), ("feasible", (LEA, "withdraw")),
     ("infeasible", (LEA, "withdraw"))],
)  # fmt: skip
def test_a_reason_that_comes_too_late_is_kept_as_a_note(
    verb: str, quicker: tuple[str, str]
) -> None:
    one = team()
    press(one, CLAIRE, verb, request(one).version)
    who, what = quicker
    press(one, who, what, request(one).version)
    heard = one.say(CLAIRE, SECRET)
    assert told(heard, CLAIRE, "tes mots sont gardés comme note")
    assert told(heard, CLAIRE, SECRET)  # on the page of the request
    assert not told(heard, LEA)
    assert ("note", SECRET, one.ids[CLAIRE]) in notes(one)


def test_a_no_can_be_thought_over_unless_there_is_another_request() -> None:
    one = team()
    refuse(one)
    heard = press(one, PAULE, "reconsider", request(one).version)
    assert told(heard, LEA, "ta demande est reprise")
    assert (request(one).state, owner(one)) == ("team", one.ids[PAULE])
    refuse(one)
    asks(one)
    heard = press(one, PAULE, "reconsider", request(one).version)
    assert told(heard, PAULE, "une autre demande en cours, n° 2")
    assert request(one).state == "closed"


def test_a_request_closed_otherwise_is_not_reopened() -> None:
    one = team()
    act(one, LEA, "withdraw")
    press(one, CLAIRE, "reconsider", request(one).version)
    assert request(one).state == "closed"


def test_a_no_takes_the_request_back_from_the_expert() -> None:
    one = team()
    expert(one, MARC)
    run(one, CLAIRE, "proposer", f"1-{one.ids[MARC]}")
    ask(one, MARC)
    assert request(one).state == "asked"
    heard = refuse(one)
    assert told(heard, MARC)
    assert request(one).state == "closed"
    assert told(act(one, MARC, "accept", 1, 2), MARC)
    assert request(one).state == "closed"


def test_a_yes_is_written_down_with_who_and_when() -> None:
    one = team()
    press(one, CLAIRE, "feasible", 1)
    one.press(CLAIRE, encode(ActToken("feasible-plain", 1, 1)))
    press(one, CLAIRE, "feasible-plain", 1)  # once is enough
    assert notes(one) == [("feasible", "", one.ids[CLAIRE])]


# --- the list -------------------------------------------------------------------------------------


def test_the_list_goes_on_behind_its_first_page() -> None:
    one = team()
    with one.work() as uow:
        talk = uow.talks.latest(one.ids[LEA], "ax-accompagnement", "intake")
        assert talk is not None
        for n in range(24):
            person = Person(name=f"Personne {n}", lang="fr", created_at=one.now)
            uow.session.add(person)
            uow.session.flush()
            uow.requests.add(
                person.id, "ax-accompagnement", talk.id, kind="one_off", shared={}, features={},
                now=one.now, due_at=one.now,
            )  # fmt: skip
    heard = one.command(CLAIRE, "demandes", "retard")
    assert "Personne 19" in heard[-1].text
    heard = one.press(CLAIRE, button(heard, CLAIRE, "Suite"))
    assert "Personne 19" not in heard[-1].text
    assert "Personne 23" in heard[-1].text


# --- judged by what was done ----------------------------------------------------------------------


def met() -> Stand:
    """Léa and Marc, by her own choice; nobody of the team took the request on."""
    one = stand(MARC)
    asks(one)
    ask(one, MARC)
    answer(one, MARC, "accept")
    return one


def test_a_pair_that_nobody_judged_says_so_until_somebody_follows_it() -> None:
    one = met()
    page = one.command(CLAIRE, "binomes", "1")
    assert told(page, CLAIRE, "Pas encore jugée")
    one.press(CLAIRE, button(page, CLAIRE, "Je le suis"))
    assert told(one.command(CLAIRE, "binomes", "1"), CLAIRE, "Possible · Claire")
    assert notes(one) == [("feasible", "", one.ids[CLAIRE])]


def test_who_proposes_by_hand_has_judged_it_once() -> None:
    one = team()
    expert(one, MARC, bio="poterie")
    run(one, PAULE, "proposer", f"1-{one.ids[MARC]}")
    assert notes(one) == [("feasible", "", one.ids[PAULE])]
    assert told(one.command(CLAIRE, "demandes", "1"), CLAIRE, "Possible · Paule")
