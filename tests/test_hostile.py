"""Whatever somebody types or imports is answered, quickly, and shown as the words that it is.

Each place where words reach the search, the matching or the reasons gets everything in `TYPED`.
What is said then has to be a sentence, within both platforms' limits, and with nothing in it that a
platform acts on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from bot.commands.agenda import read_period
from bot.dialogue.parsing import clean
from bot.encoder import encoder
from bot.events import MOST_SAID, Author, Commanded, Event, Pressed, Said, Submitted, readable
from bot.exporter import write_csv
from bot.importer import import_people
from bot.messages import Home, Message, MessageRef
from handlers.local.chat_file import Platform, parse
from handlers.local.people import COLUMNS
from handlers.local.script import Player
from handlers.local.slack_limits import active_marks, check_blocks, interpreted_texts
from handlers.local.slack_server import IDENTITY
from handlers.local.stage import Stage
from handlers.local.telegram_text import found_entities
from handlers.main import app
from handlers.slack import render as slack
from handlers.slack.inbound import reader
from handlers.telegram import render as telegram
from scheduling.inbox import InboxMeta
from storage import migrate
from storage.tables import DirectoryWord
from storage.unit_of_work import Database
from storage.words import number
from tests.asking import LEA, MARC, asks
from tests.asking import stand as asking
from tests.campaign_world import Run
from tests.postgres import PgServer
from tests.stand import CLAIRE, Heard, Stand, button, told
from tests.stores import NOON
from tests.test_backup import settings_of

SECONDS: Final = 2.0
"""Of processor time that one answer may take: generous, the slowest measured takes a tenth."""
LONG: Final = 200_000
MARKUP: Final = (
    "<!channel> <!here> <@U0CLAIRE> <#C1|x> <https://malin.example|ici> *gras* _penché_ ~non~"
    " &lt;b&gt; <b>x</b> <a href='http://malin.example'>y</a> [x](http://malin.example) `mot`"
    " ||spoiler|| @everyone @channel /start /effacer"
)
TYPED: Final = {
    "empty": "",
    "spaces": " \t  \n ",
    "no width": "\u200b\u200d\ufeff\u2060",
    "no shape": "\u2800\u3164",
    "emoji": "😀",
    "one word": "a" * LONG,
    "many words": "solaire énergie " * (LONG // 16),
    "marks": "e" + "\u0301" * LONG,
    "ligatures": "ﷺ" * LONG,
    "denials": "pas de " * (LONG // 7),
    "fields": "secteur:" * (LONG // 8),
    "commas": "," * LONG,
    "quotes": '"' * LONG,
    "figures": "1" * LONG,
    "stops": ". " * (LONG // 2),
    "dashes": " - " * (LONG // 3),
    "lines": "\n" * LONG + "x",
    "sql": "Robert'); DROP TABLE expert;--",
    "fts": '"NEAR(solaire énergie)* ^a -b AND OR NOT {x y}: +',
    "unbalanced": "((\"« ' solaire",
    "columns": 'name:x secteur:: poste:"',
    "like": "%_\\ %solaire%",
    "nul": "sol\x00aire",
    "only nul": "\x00",
    "turned": "\u202esolaire\u2066",
    "half a pair": "sol\ud800aire",
    "other half": "\udc00",
    "markup": MARKUP,
    "command": "/cordee annuaire",
    "page": "~999~solaire",
    "number": "#" + "9" * 40,
    "figures of others": "١٢ ² ٣",
    "stacked": "ȩ̸̛" * 50,
}
SEEN_BY_NAME: Final = pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)


# --- what a platform would do with it -------------------------------------------------------------


def safe(said: Message | Home) -> None:
    """Both platforms take it, and act on nothing in it."""
    sections = said.sections if isinstance(said, Home) else (said,)
    for section in sections:
        blocks = slack.blocks(section)
        assert check_blocks(blocks, "message").messages == []
        assert list(interpreted_texts(blocks)) == []
        marks = active_marks(slack.fallback(section))  # beside blocks Slack shows it as a notice
        assert [mark for mark in marks if not mark.startswith("http")] == []
    sent = telegram.render(said, 1).arguments()
    assert "parse_mode" not in sent
    assert 0 < len(sent["text"].encode("utf-16-le")) // 2 <= 4096
    assert {e["type"] for e in sent.get("entities", ())} <= {"bold", "italic", "pre", "code"}
    acted_on = {e["type"] for e in found_entities(sent["text"], sent.get("entities", ()))}
    assert acted_on <= {"bot_command"}  # of the bot's own help
    assert sent["link_preview_options"] == {"is_disabled": True}


def answered(run: Callable[[], list[Heard]]) -> list[Heard]:
    """What is said then: something, soon, and safe to show."""
    began = time.process_time()
    heard = run()
    took = time.process_time() - began
    assert heard
    assert took < SECONDS
    for one in heard:
        assert one.text.strip()
        safe(one.message)
    return heard


def sheet(*rows: dict[str, str]) -> bytes:
    """Experts as a file to import."""
    columns = (*COLUMNS, "telegram")
    return write_csv(columns, [[row.get(c, "") for c in columns] for row in rows])


def marked(number: int = 1, **more: str) -> dict[str, str]:
    """Somebody all of whose columns hold mark-up."""
    return {
        "capacite": "2",
        "disponible": "oui",
        "consentement": "oui",
        "promo": "2008",
        "id": f"X{number}",
        "email": f"x{number}@exemple.invalid",
        "prenom": "<!channel>",
        "nom": f"*Solaire* <@U{number}>",
        "poste": f"Ingénieure solaire {MARKUP}",
        "employeur": f"</b><i>{MARKUP}",
        "secteur": f"Énergie {MARKUP}"[:200],
        "ville": "<https://malin.example|Pau>",
        "bio": f"Vingt ans dans l’énergie solaire {MARKUP}. {MARKUP}",
        **more,
    }


def imported(one: Stand, *rows: dict[str, str], role: str | None = None) -> list[str]:
    """Import people; what is wrong with the file."""
    with one.work() as uow:
        here = one.programmes[0].id
        done = import_people(
            uow.directory, sheet(*rows), one.now, programme=here, programmes=one.bot.programmes,
            telegram_bot="telegram:9",
        )  # fmt: skip
        return [p.problem_id for p in done.problems]


# --- searches, on both databases ------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", pytest.param("pg", marks=pytest.mark.postgres)])
def crowd(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """A directory with mark-up in it, the team and a member."""
    url = "sqlite://"
    if request.param == "pg":
        server: PgServer = request.getfixturevalue("pg_server")
        url = server.create().render_as_string(hide_password=False)
    one = asking(MARC, url=url)
    assert imported(one, *(marked(n) for n in range(1, 30))) == []
    yield one
    one.database.close()


@SEEN_BY_NAME
def test_a_search_is_answered_whatever_is_looked_for(crowd: Stand, typed: str) -> None:
    for who, verb in ((CLAIRE, "annuaire"), (LEA, "experts"), (CLAIRE, "proposer 1")):
        name, _, first = verb.partition(" ")
        answered(lambda: crowd.command(who, name, f"{first} {typed}".lstrip(" ")))  # noqa: B023
    with crowd.work() as uow:  # and nothing was done to what is searched
        assert uow.session.scalars(select(DirectoryWord.word).limit(1)).all()


def test_people_with_mark_up_are_found_and_shown_as_written(crowd: Stand) -> None:
    (page,) = answered(lambda: crowd.command(CLAIRE, "annuaire", "solaire"))
    assert page.message.lines[0].label == "<!channel> *Solaire* <@U1>"
    assert told([page], CLAIRE, "<https://malin.example|Pau>")
    choice = page.message.lines[0].choice
    assert choice is not None
    (card,) = answered(lambda: crowd.press(CLAIRE, choice.token))
    bio = next(line.text for line in card.message.lines if line.label == "Parcours")
    assert bio == marked()["bio"]  # nothing lost
    answered(lambda: crowd.press(CLAIRE, button([page], CLAIRE, "Suite")))


@SEEN_BY_NAME
def test_every_verb_with_words_after_it_is_answered(crowd: Stand, typed: str) -> None:
    for verb in ("demandes", "binomes", "inviter", "roles +", "reprendre", "rapport", "agenda",
                 "envois", "lier", "programme", "bilan", "exporter"):  # fmt: skip
        name, _, first = verb.partition(" ")
        answered(lambda: crowd.command(CLAIRE, name, f"{first} {typed}".lstrip(" ")))  # noqa: B023
    answered(lambda: crowd.command(CLAIRE, typed, typed))


# --- wishes and profiles --------------------------------------------------------------------------


@SEEN_BY_NAME
def test_a_wish_is_taken_or_refused_in_a_sentence(typed: str) -> None:
    one = asking()
    assert imported(one, marked()) == []
    one.command(LEA, "demande")
    for words in ("En poste", "une question", "Autre chose"):
        one.say(LEA, words)
    heard = answered(lambda: one.say(LEA, typed))
    kept = clean(read(said(typed)).text)
    if not 0 < len(kept) <= 1000:
        assert told(heard, LEA, "Quelle est ta question") or told(heard, LEA, "Je ne sais lire")
        return
    heard = answered(lambda: one.say(LEA, "Mon nom et mes réponses"))
    assert kept in told(heard, LEA)[-1].text  # nothing lost
    answered(lambda: one.press(LEA, button(heard, LEA, "Envoyer")))


def test_a_clause_with_mark_up_is_quoted_as_it_is() -> None:
    one = asking()
    assert imported(one, marked()) == []
    heard = asks(one, wish="À quoi ressemble la vie dans l’énergie solaire ?")
    cards = told(heard, LEA, "énergie solaire <!channel>")
    assert cards
    assert "<https://malin.example|ici> *gras*" in cards[-1].text
    for one_said in heard:
        safe(one_said.message)


@pytest.mark.parametrize(
    "name", ["no width", "emoji", "many words", "ligatures", "nul", "half a pair", "sql", "markup"]
)
def test_a_typed_profile_is_taken_or_refused(name: str) -> None:
    one, typed = asking(), TYPED[name]
    one.command(LEA, "carte")
    for _ in range(2):
        answered(lambda: one.say(LEA, typed))
    answered(lambda: one.command(LEA, "profil"))


@pytest.mark.parametrize(
    "name", ["empty", "no shape", "emoji", "many words", "marks", "sql", "nul", "turned", "markup"]
)
def test_an_imported_profile_is_taken_or_refused(name: str) -> None:
    typed = TYPED[name][:100_000]
    one = asking()
    row = {"prenom": typed, "poste": f"Ingénieure solaire {typed}", "secteur": typed,
           "bio": f"Vingt ans dans l’énergie solaire. {typed}"}  # fmt: skip
    problems = imported(one, marked(1, **row), marked(2))
    if "\x00" in typed:
        assert set(problems) == {"import-control-character"}
    elif len(typed) > 100:
        assert "import-cell-too-long" in problems
    else:
        assert problems == []
        answered(lambda: asks(one, wish="À quoi ressemble la vie dans l’énergie solaire ?"))
        answered(lambda: one.command(CLAIRE, "annuaire", "solaire"))


def read(event: Event) -> Any:
    return readable(event)


def said(text: str) -> Said:
    return Said(id="1", author=Author("slack", "T1/U1", "slack:T1"), at=NOON, text=text)


def test_half_characters_of_a_payload_are_left_out() -> None:
    body = json.dumps({"type": "event_callback", "event_id": "E1", "team_id": "T1", "event": {
        "type": "message", "channel_type": "im", "channel": "D1", "user": "U1", "ts": "1.0",
        "text": "sol\ud800aire \ud83d\ude00 \u0000fin"}})  # fmt: skip
    heard = reader(body.encode(), InboxMeta("slack", "slack:T1", "E1", NOON))
    assert isinstance(heard, Said)
    assert read(heard).text == "solaire 😀 fin"


def test_what_is_read_of_an_event_is_bounded_and_can_be_stored() -> None:
    author = Author("slack", "T1/U1", "slack:T1", name="L\x00éa\udc00")
    long = Said(id="1", author=author, at=NOON, text="é" * LONG)
    command = Commanded(id="1", author=author, at=NOON, name="a\x00", args="b\ud800" * LONG)
    values = {"q": "a\nb\x00", "m": ("x",), "n": None}
    form = Submitted(id="1", author=author, at=NOON, token="f", values=values)
    for event in (long, command, form):
        assert read(event).author.name == "Léa"
    assert len(read(long).text) == MOST_SAID
    assert (read(command).name, read(command).args) == ("a", "b" * 1000)
    assert read(form).values == {"q": "a\nb", "m": ("x",), "n": None}


def test_what_could_not_be_called_or_stored_is_no_place_to_answer() -> None:
    author = Author("slack", "T1/U1", "slack:T1")
    answer, on = "https://hooks.slack.com/a", MessageRef("D1", "1.2")
    pressed = Pressed(id="1", author=author, at=NOON, token="r:menu:", on=on, reply_url=answer)
    assert read(pressed) == pressed
    for unfit in ("D\ud8001", "D\x001"):
        assert read(replace(pressed, on=MessageRef(unfit, "1.2"))).on is None
        assert read(replace(pressed, on=MessageRef("D1", unfit))).on is None
        assert read(replace(pressed, reply_url=unfit)).reply_url is None


@pytest.mark.parametrize("typed", ["\u200b", " \u2060\n", "\u2800", "\u3164", "\x00\ud800", ""])
def test_what_cannot_be_seen_is_no_answer(typed: str) -> None:
    assert clean(typed) == ""
    assert clean(f"{typed}é{typed}").strip("\u200b\u2060\u2800\u3164 \n") == "é"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("12", 12), ("0", 0), ("9" * 18, 10**18 - 1), ("9" * 19, 10**18), ("1" * LONG, 10**18),
     ("-1", None), ("١٢", None), ("²", None), ("", None), ("1\n", None)],
)  # fmt: skip
def test_a_number_is_one_that_a_row_may_have(typed: str, meant: int | None) -> None:
    assert number(typed) == meant


@SEEN_BY_NAME
def test_a_period_is_read_at_once(typed: str) -> None:
    began = time.process_time()
    read_period(typed, NOON.date())
    assert time.process_time() - began < SECONDS / 4


# --- campaigns ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def campaign() -> Run:
    """A campaign whose mentors have mark-up in all they say."""
    run = Run.begin(4, 1, capacity=1)
    run.stand.command(CLAIRE, "menu")
    rows = [marked(n, telegram=str(900 + n), promo="2013") for n in range(1, 5)]
    assert imported(run.stand, *rows) == []
    run.draft()
    return run


@SEEN_BY_NAME
def test_staff_may_type_anything_after_a_verb(campaign: Run, typed: str) -> None:
    half = typed[:1000]
    for words in (
        typed,
        *(f"{verb} {half}, {half}" for verb in ("pourquoi", "choisir", "interdire")),
    ):
        heard = answered(lambda: campaign.stand.command(CLAIRE, "campagne", words))  # noqa: B023
        assert told(heard, CLAIRE)


def test_a_draft_with_mark_up_is_reviewed_explained_and_published_as_words() -> None:
    run = Run.begin(4, 1, capacity=1)
    run.stand.command(CLAIRE, "menu")
    rows = [marked(n, telegram=str(900 + n), promo="2013") for n in range(1, 5)]
    assert imported(run.stand, *rows) == []
    with run.stand.work() as uow:
        here = uow.campaigns.get(run.campaign)
        assert here is not None
        for entry in uow.campaigns.entries(here.id, "mentee"):
            person = uow.people.get(entry.person_id)
            assert person is not None
            person.name = f"<!here> *Élève* {entry.person_id}"
    one = run.stand
    answered(lambda: one.command(CLAIRE, "campagne", "brouillon"))
    (review,) = answered(lambda: one.command(CLAIRE, "campagne", "revue"))
    shown = [line for line in review.message.lines if "*Solaire*" in (line.label or "")]
    assert shown
    assert shown[0].choice is not None
    (pair,) = answered(lambda: one.press(CLAIRE, shown[0].choice.token))  # type: ignore[union-attr]
    assert "<!channel>" in pair.text
    answered(lambda: one.command(CLAIRE, "campagne", "pourquoi Élève 3, Solaire U2"))
    answered(lambda: one.command(CLAIRE, "campagne", "sans"))
    ask = answered(lambda: one.command(CLAIRE, "campagne", "publier"))
    published = answered(lambda: one.press(CLAIRE, button(ask, CLAIRE, "Publier")))
    assert told(published, CLAIRE, "*Solaire*") or told(published, "901")


# --- through the adapters, to the platforms -------------------------------------------------------


async def typed_everywhere(stage: Stage) -> None:
    """Everything typed by staff on both platforms, as a message and after two commands."""
    for text in TYPED.values():
        before = len(stage.slack.messages("UCLAIRE")), len(stage.telegram.messages(1001))
        long = text[:39_000]
        await stage.slack.slash("UCLAIRE", "/cordee", f"annuaire {long}")
        await stage.slack.slash("UCLAIRE", "/cordee", f"experts {long}")
        await stage.slack.dm("UCLAIRE", long)
        short = text[:4000]
        await stage.telegram.send(1001, f"/annuaire {short}")
        await stage.telegram.send(1001, f"/experts {short}")
        if short.strip():
            await stage.telegram.send(1001, short)
        await stage.settled()
        # At least a message more for each of what was typed, besides those typed.
        assert len(stage.slack.messages("UCLAIRE")) >= before[0] + 4
        assert len(stage.telegram.messages(1001)) >= before[1] + (6 if short.strip() else 4)


async def test_both_platforms_take_every_answer_and_act_on_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    staff = [f"slack:{IDENTITY['team_id']}/UCLAIRE", "telegram:1001"]
    stage = Stage("sqlite://", ["ax-accompagnement"], staff=staff)
    stage.slack.add_user("UCLAIRE", "Claire Noël", "fr-FR")
    stage.telegram.add_user(1001, "Claire", "fr")
    await stage.start()
    try:
        service = stage.service
        assert service.telegram is not None
        account = service.telegram.bot_account

        def fill() -> None:
            with service.database.unit_of_work() as uow:
                done = import_people(
                    uow.directory, sheet(*(marked(n) for n in range(1, 12))), stage.clock.now(),
                    programme="ax-accompagnement", programmes=service.bot.programmes,
                    telegram_bot=account,
                )  # fmt: skip
                assert not done.problems
                uow.commit()

        await service.worker.run(fill)
        await typed_everywhere(stage)
    finally:
        await stage.stop()
    untouched(stage)
    assert [record.getMessage() for record in caplog.records if record.levelno > 20] == []
    assert "solaire" not in caplog.text


def untouched(stage: Stage) -> None:
    """Nothing was refused, and nothing sent has a mark that a platform acts on."""
    assert stage.slack.refusals == []
    assert stage.telegram.refusals == []
    assert stage.telegram.unanswered == []
    marks = [mark for call in stage.slack.calls for mark in call.marks]
    # A bare address in the text of a notice: beside blocks, Slack does not show that text.
    assert [mark for mark in marks if not mark.startswith("http")] == []
    for call in stage.telegram.calls:
        assert "parse_mode" not in call.arguments
        kinds = {entity["type"] for entity in call.arguments.get("entities", ())}
        assert kinds <= {"bold", "italic", "pre", "code"}


@pytest.mark.parametrize("platform", ["slack", "telegram"])
async def test_a_wish_and_a_clause_with_mark_up_on_their_way(platform: Platform) -> None:
    steps = """
        Léa > {hello}
        Léa > [D’accord]
        Léa > [Je viens comme accompagné]
        Léa > Léa Martin
        Léa > X18
        Léa > en poste
        Léa > une question
        Léa > autre chose
        Léa > À quoi ressemble la vie dans l’énergie solaire ? {wish}
        Léa > [Mon nom et mes réponses]
        Léa > [Envoyer]
        Claire > {slash}demandes 1
    """.format(
        hello="/start" if platform == "telegram" else "bonjour",
        wish=MARKUP,
        slash="/cordee " if platform == "slack" else "/",
    )
    lines = [f"{platform} {line.strip()}" for line in steps.strip().splitlines()]
    head = ["programme: ax-accompagnement", f"personnel: {platform} Claire", ""]
    script = parse("\n".join([*head, *lines]))
    script.directory.append(marked())
    player = Player(script, Path())
    played = await player.play()
    assert played.faults == []
    untouched(player.stage)
    for quoted in ("Vingt ans dans l’énergie solaire <!channel>", f"solaire ? {MARKUP}"):
        assert quoted in played.text.replace("\u202f", " ")


# --- at a terminal --------------------------------------------------------------------------------


def test_the_command_line_answers_and_prints_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.experts.encoder", lambda: None)
    here = settings_of(f"sqlite:///{tmp_path / 'c.db'}", "ax-accompagnement")
    monkeypatch.setattr("handlers.main._settings", lambda: here)
    database = Database(here.cordee_database_url, here.cordee_secret_key.get_secret_value())
    migrate.upgrade(database.engine)
    with database.unit_of_work() as uow:
        done = import_people(uow.directory, sheet(*(marked(n) for n in range(1, 9))), NOON)
        assert not done.problems
        uow.commit()
    database.close()
    batch = tmp_path / "wishes.jsonl"
    batch.write_text("".join(
        json.dumps({"id": name, "text": text, "choices": {"secteurs": [text], name: text}}) + "\n"
        for name, text in TYPED.items()
    ), "utf-8")  # fmt: skip
    began = time.process_time()
    done_all = CliRunner().invoke(app, ["experts", "--batch", str(batch), "--json", "--all"])
    assert time.process_time() - began < SECONDS * 3
    assert done_all.exit_code == 0, done_all.output
    rows = [json.loads(line) for line in done_all.stdout.splitlines()]
    assert [row["id"] for row in rows] == list(TYPED)
    for name in ("many words", "marks", "markup", "half a pair", "other half", "fts"):
        asked = CliRunner().invoke(app, ["experts", "--text", TYPED[name][:100_000]])
        assert asked.exit_code == 0, (name, asked.output)


# --- the encoder ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_encoder_makes_unit_vectors_of_random_characters() -> None:
    model = encoder()
    if model is None:
        pytest.skip("the extra cordee[sens] is not installed")
    rng = Random(11)
    ranges = ((0, 0x250), (0x300, 0x370), (0x600, 0x700), (0x2000, 0x2070), (0x4E00, 0x9FFF),
              (0xD800, 0xE000), (0xFB50, 0xFE00), (0x1F1E6, 0x1FAFF), (0, 0x110000))  # fmt: skip
    texts = [
        "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randint(0, 40)))
        for _ in range(150)
    ]
    texts += [TYPED[name] for name in ("ligatures", "half a pair", "only nul", "empty", "turned")]
    rows = model.encode(texts, wishes=True)
    assert rows.shape == (len(texts), 384)
    assert np.isfinite(rows).all()
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
