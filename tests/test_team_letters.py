"""From « À voir en premier »: a word to somebody, their answer, and who follows them."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from bot.dialogue.tokens import RunToken, encode
from storage.tables import Person, TeamLetter
from tests.asking import GONE
from tests.stand import CLAIRE, Heard, Stand, button, programme, told

SOFIA, INES, YANIS = "2", "11", "12"
WORDS = "Bonjour Inès, veux-tu qu’on s’appelle demain ?"
ANSWER = "Oui, merci, demain midi."


def stand() -> Stand:
    """Claire and Sofia are the team; Inès has asked for help."""
    one = Stand((programme("emergence"),))
    one.join(CLAIRE, "Claire", role="staff")
    one.join(SOFIA, "Sofia", role="staff")
    one.join(INES, "Inès Ferrat")
    one.join(YANIS, "Yanis Omar")
    heard = one.command(INES, "besoin")
    one.press(INES, button(heard, INES, "Prévenir"))
    return one


def press(one: Stand, account: str, args: str) -> list[Heard]:
    return one.press(account, encode(RunToken("a-voir", args)))


def wrote(one: Stand, account: str = CLAIRE) -> list[Heard]:
    """Up to the preview."""
    press(one, account, f"{one.ids[INES]}.write")
    return one.say(account, WORDS)


def sent(one: Stand, account: str = CLAIRE) -> list[Heard]:
    heard = wrote(one, account)
    return one.press(account, button(heard, account, "Envoyer"))


def letters(one: Stand) -> list[tuple[str, bool]]:
    with one.work() as uow:
        return [(r.state, r.answer) for r in uow.session.scalars(select(TeamLetter))]


# --- writing --------------------------------------------------------------------------------------


def test_nothing_goes_before_it_has_been_read_again() -> None:
    one = stand()
    heard = wrote(one)
    assert told(heard, CLAIRE, WORDS)
    assert not told(heard, INES)
    heard = one.press(CLAIRE, button(heard, CLAIRE, "autrement"))
    assert letters(one) == []
    heard = one.say(CLAIRE, "Autre chose")
    send = button(heard, CLAIRE, "Envoyer")
    [letter] = told(one.press(CLAIRE, send), INES)
    assert letter.text == "Claire t’écrit (l’équipe Emergence)\nAutre chose"
    assert not told(one.press(CLAIRE, send), INES)


def test_a_word_not_sent_leaves_nothing() -> None:
    one = stand()
    heard = wrote(one)
    one.press(CLAIRE, button(heard, CLAIRE, "Ne rien envoyer"))
    assert letters(one) == []
    assert GONE in one.press(CLAIRE, button(heard, CLAIRE, "Envoyer"))[-1].text


def test_the_answer_reaches_who_wrote_and_nobody_else() -> None:
    one = stand()
    one.press(INES, button(sent(one), INES, "Répondre"))
    heard = one.say(INES, ANSWER)
    assert told(heard, CLAIRE, ANSWER)
    assert not told(heard, SOFIA)
    assert told(heard, INES, "Claire l’a")
    assert button(heard, CLAIRE, "Écrire")


def test_an_answer_to_somebody_who_has_left_reaches_the_team() -> None:
    one = stand()
    heard = sent(one, SOFIA)
    one.press(INES, button(heard, INES, "Répondre"))
    with one.work() as uow:
        uow.people.enrol(one.ids[SOFIA], "emergence", "staff", now=one.now, state="ended")
    heard = one.say(INES, ANSWER)
    assert told(heard, CLAIRE, ANSWER)
    assert not told(heard, SOFIA)


def test_whoever_wrote_is_erased_and_the_answer_still_reaches_the_team() -> None:
    one = stand()
    heard = sent(one, SOFIA)
    one.command(SOFIA, "effacer-oui")
    asked = one.press(INES, button(heard, INES, "Répondre"))
    assert not told(asked, INES, "Je ne trouve pas")
    said = one.say(INES, ANSWER)
    assert told(said, CLAIRE, ANSWER)
    assert not told(said, INES, "Sofia")


def test_nobody_else_answers_or_sends() -> None:
    one = stand()
    heard = wrote(one)
    send = button(heard, CLAIRE, "Envoyer")
    for account in (SOFIA, INES):
        assert GONE in one.press(account, send)[-1].text
    answer = button(one.press(CLAIRE, send), INES, "Répondre")
    for account in (YANIS, SOFIA, CLAIRE):
        assert GONE in one.press(account, answer)[-1].text
    assert GONE in press(one, YANIS, f"{one.ids[INES]}.write")[-1].text


def test_who_is_away_gets_it_on_their_return_and_who_cannot_be_reached_gets_nothing() -> None:
    one = stand()
    with one.work() as uow:
        person = uow.people.get(one.ids[INES])
        assert person is not None
        person.paused_at = one.now
    assert told(sent(one), CLAIRE, "attend son retour")
    heard = wrote(one)
    with one.work() as uow:
        for identity in uow.people.identities(one.ids[INES]):
            identity.reachable = False
    assert told(one.press(CLAIRE, button(heard, CLAIRE, "Envoyer")), CLAIRE, "rien n’est parti")
    assert letters(one)[-1] == ("draft", False)


def test_it_is_sealed_goes_with_the_person_and_shows_no_draft() -> None:
    one = stand()
    sent(one)
    wrote(one)
    with one.work() as uow:
        data = uow.privacy.export_person(one.ids[INES])["team_letter"]
        assert [row["text"] for row in data] == [WORDS]
        assert all("by_id" not in row for row in data)
        assert all(
            WORDS.encode() not in row.text for row in uow.session.scalars(select(TeamLetter))
        )
        uow.privacy.erase_person(one.ids[INES], one.now)
    assert letters(one) == []


def test_a_letter_of_the_team_can_be_reported() -> None:
    one = stand()
    heard = one.press(INES, button(sent(one), INES, "Signaler"))
    assert told(heard, INES)
    with one.work() as uow:
        [flag] = uow.safety.open_flags("emergence")
        assert (flag.person_id, flag.about_id) == (one.ids[INES], one.ids[CLAIRE])
        assert uow.safety.quoted(flag)[0] == WORDS


def test_letters_are_kept_as_long_as_the_file_says() -> None:
    one = stand()
    sent(one)
    with one.work() as uow:
        kept = one.programmes[0].retention
        for days, left in ((kept.requests - 1, 1), (kept.requests + 1, 0)):
            while uow.retention.some({"emergence": kept}, one.now + timedelta(days=days)):
                pass
            assert len(uow.session.scalars(select(TeamLetter)).all()) == left


# --- handing on -----------------------------------------------------------------------------------


def handed(one: Stand, to: str) -> list[Heard]:
    heard = press(one, CLAIRE, f"{one.ids[INES]}.hand")
    name = {SOFIA: "Sofia", CLAIRE: "Claire"}[to]
    return one.press(CLAIRE, button(heard, CLAIRE, name))


def test_the_colleague_is_told_and_the_list_says_so() -> None:
    one = stand()
    assert told(handed(one, SOFIA), SOFIA, "Claire te confie son suivi")
    assert "suivi confié à Sofia" in told(one.command(CLAIRE, "a-voir"), CLAIRE)[-1].text
    assert "Suivi confié à Sofia\n" in told(press(one, CLAIRE, str(one.ids[INES])), CLAIRE)[-1].text
    assert "à ton nom" in told(one.command(SOFIA, "a-voir"), SOFIA)[-1].text
    assert told(handed(one, CLAIRE), SOFIA, "qui était à ton nom")
    history = told(press(one, SOFIA, f"{one.ids[INES]}.history"), SOFIA)[-1].text
    assert "Suivi confié à Sofia, par Claire" in history


def test_two_at_once_the_second_sees_where_it_stands() -> None:
    one = stand()
    both = [press(one, account, f"{one.ids[INES]}.hand") for account in (CLAIRE, SOFIA)]
    one.press(CLAIRE, button(both[0], CLAIRE, "Sofia"))
    heard = one.press(SOFIA, button(both[1], SOFIA, "Claire"))
    assert not told(heard, CLAIRE)
    assert "suivi confié à Sofia" in told(one.command(CLAIRE, "a-voir"), CLAIRE)[-1].text


def test_whoever_leaves_the_team_follows_nobody() -> None:
    one = stand()
    handed(one, SOFIA)
    with one.work() as uow:
        uow.people.enrol(one.ids[SOFIA], "emergence", "staff", now=one.now, state="ended")
    assert "Sofia" not in told(one.command(CLAIRE, "a-voir"), CLAIRE)[-1].text
    assert GONE in press(one, CLAIRE, f"{one.ids[INES]}.hand.{one.ids[SOFIA]}.0")[-1].text


def test_to_nobody_again() -> None:
    one = stand()
    handed(one, SOFIA)
    heard = press(one, CLAIRE, f"{one.ids[INES]}.hand")
    heard = one.press(CLAIRE, button(heard, CLAIRE, "À personne"))
    assert told(heard, CLAIRE, "n’est plus confié")
    assert told(heard, SOFIA)
    assert "confié" not in told(one.command(CLAIRE, "a-voir"), CLAIRE)[-1].text
    with one.work() as uow:
        assert uow.session.get(Person, one.ids[INES]) is not None


def test_words_of_distress_are_heard_in_an_answer_to_the_team() -> None:
    """P5: whoever wrote to them asked how they are."""
    one = stand()
    one.join("40", "Nadia Roux", role="safeguarding")
    heard = sent(one)
    one.press(INES, button(heard, INES, "Répondre"))
    heard = one.say(INES, "Mal. J’ai envie de mourir.")
    assert told(heard, "40", "envie de mourir")
    assert told(heard, CLAIRE, "confiés à la personne chargée de la protection")
    assert not told(heard, CLAIRE, "mourir")
    assert told(heard, INES, "3114")


def test_an_answer_to_a_colleague_who_paused_reaches_the_team_as_well() -> None:
    one = stand()
    heard = sent(one)
    one.command(CLAIRE, "pause")
    one.press(INES, button(heard, INES, "Répondre"))
    heard = one.say(INES, ANSWER)
    assert told(heard, CLAIRE, ANSWER)  # for when she is back
    assert told(heard, SOFIA, ANSWER)
    assert not told(heard, INES, "Claire")
