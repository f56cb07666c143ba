"""What did not get through: staff of its programme see it, unread, and decide, once."""

import ast
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, text, update

from bot.commands.parked import WHY
from bot.dialogue.tokens import ActToken, encode
from bot.kinds import KEYS
from bot.programmes.load import load
from scheduling.sender import Doubtful, NotSent
from scheduling.settling import Result, settle
from storage.leases import LeaseStore
from storage.sending import Taken
from storage.tables import Audit, Outbox
from storage.unit_of_work import Database, UnitOfWork
from tests.stand import CLAIRE, Heard, Stand, button, told
from tests.stores import NOON, payload, somebody
from tests.test_privacy import world

ROOT = Path(__file__).parents[1]
CANARY = "canari7Q"
AX, EMERGENCE = "ax-accompagnement", "emergence"


# --- the store ------------------------------------------------------------------------------------


def claimed(database: Database, key: str, **more: Any) -> Taken:
    """A message on its way."""
    who = somebody(database, key)
    with database.unit_of_work() as uow:
        uow.outbox.put(key=key, identity=who, payload=payload(CANARY), now=NOON, **more)
        epoch = LeaseStore(uow.session).acquire("telegram:1", "me", 60)
        epoch = epoch or uow.session.scalar(text("SELECT epoch FROM sender_lease")) or 0
        (row,) = uow.sending.claim(
            bot_account="telegram:1", owner="me", epoch=epoch, now=NOON, seconds=5, limit=9
        )
        uow.commit()
    return row


def parked(database: Database, state: str, key: str = "report:1") -> Taken:
    row = claimed(database, key)
    with database.unit_of_work() as uow:
        if state == "unreachable":
            values = {"state": "unreachable", "reason": "unreachable"}
            uow.session.execute(update(Outbox).where(Outbox.id == row.id).values(**values))
        else:
            (uow.sending.hold if state == "in_doubt" else uow.sending.fail)(row, "timeout")
        uow.commit()
    return row


@pytest.mark.parametrize("state", ["in_doubt", "failed"])
def test_sent_again_it_is_the_same_row_as_if_new(database: Database, state: str) -> None:
    row = parked(database, state)
    with database.unit_of_work() as uow:
        (shown,) = uow.outbox.parked()
        assert (shown.id, shown.state, shown.attempts) == (row.id, state, 1)
        assert uow.outbox.resend(shown, NOON)
        assert uow.outbox.touched == {"telegram:1"}
        uow.commit()
    with database.unit_of_work() as uow:
        assert not uow.outbox.parked()
        (again,) = uow.sending.claim(
            bot_account="telegram:1", owner="me", epoch=row.epoch, now=NOON, seconds=5, limit=9
        )
        assert (again.id, again.attempts, again.waits) == (row.id, 1, 0)
        assert again.payload == row.payload


def test_left_it_is_cancelled_and_its_words_are_gone(database: Database) -> None:
    row = parked(database, "failed")
    with database.unit_of_work() as uow:
        (shown,) = uow.outbox.parked()
        assert uow.outbox.leave(shown)
        uow.commit()
    with database.unit_of_work() as uow:
        kept = uow.session.get(Outbox, row.id)
        assert kept is not None
        assert (kept.state, kept.payload) == ("cancelled", None)
        assert not uow.outbox.resend(shown, NOON)


def test_who_cannot_be_reached_is_shown_and_nothing_can_be_sent_there(database: Database) -> None:
    parked(database, "unreachable")
    with database.unit_of_work() as uow:
        (shown,) = uow.outbox.parked()
        assert not shown.needs_a_word
        assert not uow.outbox.resend(shown, NOON)
        assert not uow.outbox.leave(shown)


def test_of_two_who_decide_at_once_one_does(database: Database) -> None:
    for number in range(20):
        parked(database, "in_doubt", f"report:{number}")
        with database.unit_of_work() as uow:
            (shown,) = uow.outbox.parked()
        start = Barrier(2)

        def decide(again: bool, shown: Any = shown, start: Barrier = start) -> bool:
            start.wait(10)
            with database.unit_of_work() as uow:
                done = uow.outbox.resend(shown, NOON) if again else uow.outbox.leave(shown)
                uow.commit()
            return done

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(decide, (True, False))) == [False, True]
        with database.unit_of_work() as uow:
            rows = uow.session.scalars(select(Outbox.state).where(Outbox.id == shown.id)).all()
            assert rows in (["queued"], ["cancelled"])
            uow.session.execute(update(Outbox).values(state="cancelled"))
            uow.commit()


def test_an_older_button_does_not_act_on_a_newer_attempt(database: Database) -> None:
    row = parked(database, "failed")
    with database.unit_of_work() as uow:
        (before,) = uow.outbox.parked()
        later = NOON + timedelta(minutes=1)
        uow.session.execute(update(Outbox).where(Outbox.id == row.id).values(claimed_at=later))
        uow.commit()
    with database.unit_of_work() as uow:
        (after,) = uow.outbox.parked()
        assert after.version > before.version
        assert not uow.outbox.leave(before)
        assert uow.outbox.leave(after)


def test_what_settles_badly_is_news_and_what_cannot_be_reached_is_not(database: Database) -> None:
    heard: list[list[str]] = []

    def note(_uow: UnitOfWork, rows: Any, _now: datetime) -> None:
        heard.append([row.dedup_key for row in rows])

    for key, outcome in (
        ("a", NotSent("msg_too_long", permanent=True)),
        ("b", NotSent("user_disabled", unreachable=True)),
        ("c", NotSent("no connection")),
    ):
        row = claimed(database, key)
        with database.unit_of_work() as uow:
            settle(uow, [Result(row, outcome)], NOON, None, note)
            uow.commit()
        with database.unit_of_work() as uow:  # out of the way of the next
            uow.session.execute(
                update(Outbox).where(Outbox.state == "queued").values(state="cancelled")
            )
            uow.commit()
    row = claimed(database, "d", policy="hold")
    with database.unit_of_work() as uow:
        settle(uow, [Result(row, Doubtful("timeout"))], NOON, None, note)
        uow.commit()
    assert heard == [["a"], ["d"]]


def test_news_that_cannot_be_planned_undoes_nothing(database: Database) -> None:
    row = claimed(database, "a")

    def broken(_uow: UnitOfWork, _rows: Any, _now: datetime) -> None:
        raise ZeroDivisionError

    with database.unit_of_work() as uow:
        settle(uow, [Result(row, NotSent("no", permanent=True))], NOON, None, broken)
        uow.commit()
    with database.unit_of_work() as uow:
        assert [p.state for p in uow.outbox.parked()] == ["failed"]


# --- in the chat ----------------------------------------------------------------------------------


@pytest.fixture
def one() -> Stand:
    """Léa is in both programmes, Inès in Emergence only; Claire is staff of both, Max of AX."""
    one = Stand((load(AX), load(EMERGENCE)), now=datetime(2026, 9, 1, 8, tzinfo=UTC))
    one.join("2", "Léa Martin")
    one.join("3", "Marc Aubier", role="mentor")
    one.join("4", "Inès Ferrat")
    one.join("5", "Max Colin", role="staff")
    with one.work() as uow:
        uow.people.enrol(one.ids["4"], AX, "mentee", now=one.now, state="ended")
        uow.people.enrol(one.ids["5"], AX, "mentee", now=one.now, state="ended")
        for account in ("2", "4"):
            uow.people.enrol(one.ids[account], EMERGENCE, "mentee", now=one.now)
    one.command(CLAIRE, "programme", AX)
    one.command("5", "programme", AX)
    one.pair("2", "3")
    return one


def park(one: Stand, account: str, key: str, state: str, reason: str | None, **more: Any) -> int:
    """A message to somebody that did not get through; its number."""
    with one.work() as uow:
        who = uow.people.by_account("telegram", account)
        assert who is not None
        uow.outbox.put(key=key, identity=who, payload=payload(CANARY), now=one.now, **more)
        row = uow.session.scalars(select(Outbox).where(Outbox.dedup_key == key)).one()
        row.state, row.reason, row.claimed_at, row.attempts = state, reason, one.now, 1
        number: int = row.id
    one.news()
    return number


def texts(heard: list[Heard], account: str) -> str:
    return (
        "\n".join(h.text for h in told(heard, account)).replace("\xa0", " ").replace("\u202f", " ")
    )


def test_it_says_to_whom_what_when_and_why_but_not_what_it_says(one: Stand) -> None:
    park(one, "2", "guide:1:3:2:0", "in_doubt", "timeout")
    park(one, "3", "pair-nudge:1", "failed", "restricted_action")
    park(one, "2", "pair-ended:1:2", "unreachable", "unreachable")
    heard = one.command(CLAIRE, "envois")
    said = texts(heard, CLAIRE)
    for part in (
        "1 message en doute",
        "1 message que la plateforme n’a pas pris",
        "1 message pour une personne injoignable",
        "Léa Martin · Guide d’entretien · Léa Martin et Marc Aubier",
        "n’a pas répondu à temps",
        "Marc Aubier · Rappel d’une proposition de binôme",
        "code : restricted_action",
        "mardi 1er septembre à 10 h, sur Telegram",
        "le compte est bloqué",
    ):
        assert part in said, part
    assert CANARY not in repr(heard)
    buttons = [tuple(h.choices) for h in told(heard, CLAIRE)]
    assert buttons == [(), (), ("Renvoyer", "Laisser"), ("Renvoyer", "Laisser")]


@pytest.mark.parametrize("reason", [*WHY, "http 502", "Bad Request: odd", None, "x" * 200, "<b>"])
@pytest.mark.parametrize("state", ["in_doubt", "failed", "unreachable"])
def test_every_reason_has_words(one: Stand, state: str, reason: str | None) -> None:
    park(one, "2", "guide:1:92", state, reason)
    said = texts(one.command(CLAIRE, "envois"), CLAIRE)
    assert re.search("En doute|Pas parti|Personne à joindre", said)
    assert "<b>" not in said
    assert "x" * 81 not in said


def test_staff_of_another_programme_see_nothing_and_can_do_nothing(one: Stand) -> None:
    number = park(one, "4", "home:1", "failed", "no target")  # Inès is of Emergence only
    assert "aucun message" in texts(one.command("5", "envois"), "5")
    with one.work() as uow:
        row = uow.outbox.look(number)
        assert row is not None
    for verb in ("resend", "leave"):
        token = encode(ActToken(verb, number, row.version))
        missing = encode(ActToken(verb, 999_999, row.version))
        for account in ("5", "2"):  # staff elsewhere; and nobody's staff
            refused = texts(one.press(account, token), account)
            assert refused == texts(one.press(account, missing), account)
            assert "Je ne trouve pas cela" in refused
    with one.work() as uow:
        assert uow.outbox.look(number) == row
    one.command(CLAIRE, "programme", EMERGENCE)
    assert "Inès Ferrat" in texts(one.command(CLAIRE, "envois"), CLAIRE)


def test_a_key_tells_the_programme_of_somebody_who_is_in_two(one: Stand) -> None:
    park(one, "2", "report-close:emergence:quarterly:2026T3:0:staff2", "failed", "no target")
    assert "aucun message" in texts(one.command("5", "envois"), "5")
    park(one, "2", "guide:1:92", "failed", "no target")
    assert "1 message que" in texts(one.command("5", "envois"), "5")
    one.command(CLAIRE, "programme", EMERGENCE)
    assert "1 message que" in texts(one.command(CLAIRE, "envois"), CLAIRE)


def test_again_and_left_are_noted_and_done_once(one: Stand) -> None:
    again, leave = (park(one, "2", f"guide:1:9{n}", "failed", "timeout") for n in (1, 2))
    heard = one.command(CLAIRE, "envois")
    tokens = [h.choices for h in told(heard, CLAIRE) if h.choices]  # newest first
    resend, left = tokens[1]["Renvoyer"], tokens[0]["Laisser"]
    assert "Remis en route pour Léa Martin" in texts(one.press(CLAIRE, resend), CLAIRE)
    assert "déjà occupé" in texts(one.press("5", resend), "5")
    assert "déjà occupé" in texts(one.press("5", tokens[1]["Laisser"]), "5")
    assert "Laissé" in texts(one.press("5", left), "5")
    assert "déjà occupé" in texts(one.press(CLAIRE, left), CLAIRE)
    with one.work() as uow:
        rows = {n: uow.session.get(Outbox, n) for n in (again, leave)}
        assert [(r.state, r.attempts) for r in rows.values() if r] == [
            ("queued", 0),
            ("cancelled", 1),
        ]
        noted = uow.session.scalars(select(Audit).where(Audit.thing == "outbox")).all()
        assert [(a.verb, a.thing_id) for a in noted] == [
            ("message-resent", again),
            ("message-left", leave),
        ]


def test_what_is_too_late_is_not_sent_again(one: Stand) -> None:
    number = park(
        one, "2", "guide:1:91", "failed", "timeout", expires_at=one.now + timedelta(hours=1)
    )
    token = button(one.command(CLAIRE, "envois"), CLAIRE, "Renvoyer")
    one.days(1)
    assert "Trop tard" in texts(one.press(CLAIRE, token), CLAIRE)
    heard = one.command(CLAIRE, "envois")
    assert "Trop tard" in texts(heard, CLAIRE)
    assert [tuple(h.choices) for h in told(heard, CLAIRE) if h.choices] == [("Laisser",)]
    with one.work() as uow:
        row = uow.outbox.look(number)
        assert row is not None
        assert row.state == "failed"


def test_older_ones_are_a_press_away(one: Stand) -> None:
    for number in range(12):
        park(one, "2", f"guide:1:9{number}", "failed", "timeout")
    seen = []
    heard = one.command(CLAIRE, "envois")
    while True:
        assert "12 messages que" in texts(heard, CLAIRE)
        shown = [h for h in told(heard, CLAIRE) if "Renvoyer" in h.choices]
        seen += [h.choices["Renvoyer"] for h in shown]
        if not told(heard, CLAIRE)[0].choices:
            break
        heard = one.press(CLAIRE, button(heard, CLAIRE, "Les plus anciens"))
    assert len(seen) == len(set(seen)) == 12


def test_what_could_not_be_handled_is_counted_with_its_author(one: Stand) -> None:
    with one.work() as uow:
        for number, author in enumerate(("telegram:4", "telegram:2", None)):
            uow.inbox.receive(
                platform="telegram", bot_account="telegram:9", event_key=str(number),
                message_key=None, payload=CANARY.encode(), now=one.now,
            )  # fmt: skip
            uow.session.execute(
                text("UPDATE inbox SET state='rejected', reason='poison', author=:a WHERE id=:n"),
                {"a": author, "n": number + 1},
            )
    heard = one.command("5", "envois")
    said = texts(heard, "5")
    assert "2 messages reçus que je n’ai pas pu traiter" in said  # Léa’s, and somebody’s unknown
    assert "Léa Martin" in said
    assert "Inès" not in said
    assert CANARY not in repr(heard)


# --- news, once a day -----------------------------------------------------------------------------


def news(one: Stand, *rows: tuple[str, str]) -> None:
    """The delivery parked these: (key, account)."""
    taken = []
    for key, account in rows:
        number = park(one, account, key, "failed", "no target")
        values = dict.fromkeys(Taken.__dataclass_fields__, None)
        values |= {"id": number, "dedup_key": key, "person_id": one.ids[account]}
        taken.append(Taken(**values))  # type: ignore[arg-type]
    with one.work() as uow:
        one.bot.parked(uow, taken, one.now)


def test_staff_hear_of_it_once_a_day_with_the_count(one: Stand) -> None:
    news(one, ("guide:1:91", "2"))
    news(one, ("guide:1:92", "2"), ("guide:1:93", "3"))
    assert told(one.until(one.now + timedelta(minutes=9)), CLAIRE, "décision") == []
    heard = one.until(one.now + timedelta(minutes=2))
    assert "3 messages attendent une décision" in texts(heard, CLAIRE)
    assert "3 messages" in texts(heard, "5")
    assert CANARY not in repr(heard)
    news(one, ("guide:1:94", "2"))
    assert told(one.until(one.now + timedelta(hours=10)), CLAIRE, "décision") == []
    heard = one.until(datetime(2026, 9, 2, 7, 0, tzinfo=UTC))  # nine in the morning there
    assert len(told(heard, CLAIRE, "4 messages attendent")) == 1
    assert told(one.days(3), CLAIRE, "décision") == []  # nothing new
    press = button(heard, CLAIRE, "Voir les messages")
    assert "4 messages que" in texts(one.press(CLAIRE, press), CLAIRE)


def test_only_staff_of_the_programme_are_told_and_never_at_night(one: Stand) -> None:
    one.until(datetime(2026, 9, 1, 22, 30, tzinfo=UTC))
    news(one, ("home:1", "4"))
    heard = one.until(datetime(2026, 9, 2, 5, 59, tzinfo=UTC))
    assert told(heard, CLAIRE, "décision") == []
    heard = one.until(datetime(2026, 9, 2, 6, 0, tzinfo=UTC))
    assert len(told(heard, CLAIRE, "1 message attend")) == 1
    assert told(heard, "5") == []


def test_no_news_when_it_was_seen_to_meanwhile(one: Stand) -> None:
    news(one, ("guide:1:91", "2"))
    one.press(CLAIRE, button(one.command(CLAIRE, "envois"), CLAIRE, "Laisser"))
    assert told(one.days(2), CLAIRE, "décision") == []


# --- keys -----------------------------------------------------------------------------------------


def test_every_key_the_code_writes_is_known() -> None:
    written: set[str] = set()
    for path in sorted((ROOT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr not in {"tell", "tell_staff", "put_raw", "show"}:
                continue
            for given in node.keywords:
                match given.value:
                    case ast.Constant(value=str(name)) if given.arg == "what":
                        written.add(name)
                    case ast.JoinedStr(values=[ast.Constant(value=str(name)), *_]) if (
                        given.arg == "key"
                    ):
                        written.add(name.partition(":")[0])
    assert {"checkin", "report", "letter", "offer", "pair-made", "join"} <= written
    assert written <= set(KEYS)


@pytest.mark.parametrize("state", ["in_doubt", "failed", "unreachable"])
def test_what_is_erased_cannot_be_sent_again(database: Database, state: str) -> None:
    them = world(database)
    with database.unit_of_work() as uow:
        uow.session.execute(update(Outbox).values(state=state, claimed_at=NOON))
        uow.privacy.erase_person(them.mentee, NOON)
        uow.commit()
    with database.unit_of_work() as uow:
        left = {row.dedup_key for row in uow.outbox.parked()}
        mine = f"intro:{them.pair + 100}:{them.mentor}"  # another pair's
        assert left == {mine, "left:event:1", f"pair-ended:{them.pair}:{them.mentor}"}
        gone = select(Outbox).where(Outbox.state == "cancelled")
        assert [row.payload for row in uow.session.scalars(gone)] == [None] * 3
