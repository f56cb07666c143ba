"""`cordee run` as a real process, between a local Slack and a local Telegram, used as people do.

Refuses to know the bot: nothing of it is imported. What is tested is what people read and press,
what the two platforms accepted, what the command line prints, and what stands in the log.
"""

import asyncio
import json
import re
import signal
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Final

import pytest

from handlers.local.ledger import Json
from tests.run_people import Answer, Card, OnSlack, OnTelegram, Person, Typed, plain, until_there
from tests.run_world import PEOPLE, World, cordee, programmes, world_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
HOOK: Final = "invented_hook_kq8Zr1Vw2p"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database made by `cordee migrate` and `cordee import`, to be copied."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "people.csv").write_text(PEOPLE, "utf-8")
    for arguments in (("migrate",), ("import", "people.csv", "--programme", "ax-accompagnement")):
        done = cordee(folder, *arguments)
        assert done.returncode == 0, done
    return folder / "cordee.db"


# -------------------------------------------------------------------------------- what they say


def _joining(programme: str, role: str, name: str, year: str) -> dict[str, Answer]:
    return {
        "Lequel t’amène": programme,
        "Es-tu d’accord pour qu": "D’accord",
        "Comment souhaites-tu participer": role,
        "Comment t’appelles-tu": Typed(name),
        "De quelle promotion": Typed(year),
    }


def _asking(name: str, sector: str, wish: str, **other: Answer) -> dict[str, Answer]:
    """A young researcher's whole way through the first programme, question by question."""
    return {
        **_joining("Accompagnement à la demande", "Je viens comme accompagné", name, "2019"),
        "Où en es-tu aujourd’hui": "En poste",
        "De quoi as-tu besoin": "Six mois avec un aîné",
        "Qu’est-ce qui t’amène": "Élaborer un projet",
        "Quel genre de projet": Typed("du sens"),
        "Te reconnais-tu": "Jeune chercheur",
        "Vers où te tournes-tu": other.get("towards", "L’économie marchande"),
        "Sur quoi portent tes recherches": Typed(str(other.get("research", "les accumulateurs"))),
        "Quels secteurs t’attirent": [sector],
        "Raconte-moi": Typed(wish),
        "Que puis-je montrer": "Mon nom et mes réponses",
    }


def _question(name: str, question: str) -> dict[str, Answer]:
    """The short way: one question, to a referent."""
    return {
        **_joining("Accompagnement à la demande", "Je viens comme accompagné", name, "2019"),
        "Où en es-tu aujourd’hui": "En poste",
        "De quoi as-tu besoin": "Poser une question, une fois",
        "Sur quoi porte ta question": "Un secteur",
        "Quel secteur": Typed("énergies marines"),
        "Quelle est ta question": Typed(question),
        "Que puis-je montrer": "Mon nom et mes réponses",
    }


def _proposed(card: Card) -> list[str]:
    """The first names proposed, after checking that each comes with reasons."""
    people = [one for one in card.labels if one.startswith("Demander à ") and "équipe" not in one]
    assert 1 <= len(people) <= 3, card
    for label in people:
        name = label.removeprefix("Demander à ")
        about = card.text[card.text.index(name) :]
        assert about.partition("\n")[2].startswith("•"), f"no reason for {name}: {card.text}"
    return [label.removeprefix("Demander à ") for label in people]


# ----------------------------------------------------------------------------------- the tests


def test_commands_of_a_terminal(imported: Path, tmp_path: Path) -> None:
    """Check, import, and the two manifests say what a newcomer needs, and write no secret."""
    copy(imported, tmp_path / "cordee.db")
    checked = cordee(tmp_path, "check")
    assert checked.returncode == 0
    assert "emergence" in checked.stdout
    assert "invented" not in checked.stdout + checked.stderr

    unknown = cordee(tmp_path, "check", CORDEE_STAF="slack:T0LOCAL/U1")
    assert unknown.returncode != 0
    assert "CORDEE_STAFF" in unknown.stderr

    (tmp_path / "again.csv").write_text(PEOPLE, "utf-8")
    again = cordee(tmp_path, "import", "again.csv", "--programme", "ax-accompagnement")
    assert again.returncode == 0
    assert re.search(r"Nouvelles personnes : 0\..*Mises à jour : 5\.", plain(again.stdout))

    wrong = PEOPLE.replace("T0LOCAL/UKARIM", "karim").replace("P5,Paul", "P6,Jean")
    (tmp_path / "wrong.csv").write_text(wrong.replace("p5@", "p6@"), "utf-8")
    refused = cordee(tmp_path, "import", "wrong.csv", "--programme", "ax-accompagnement")
    assert refused.returncode == 1
    assert "Ligne 3" in refused.stdout + refused.stderr

    (tmp_path / "again.csv").write_text(PEOPLE.replace("P5,Paul", "P6,Jean"), "utf-8")
    manifest = json.loads(cordee(tmp_path, "manifest", "slack").stdout)
    assert manifest["features"]["slash_commands"][0]["command"] == "/cordee"
    assert manifest["settings"]["socket_mode_enabled"] is True
    menu = cordee(tmp_path, "manifest", "telegram").stdout
    assert {"aide", "demande", "mes_donnees", "exporter"} <= set(
        re.findall(r"^(\w+) - ", menu, re.M)
    )


async def test_from_a_first_word_to_a_pair(imported: Path, tmp_path: Path) -> None:
    """Three students, two platforms: intake, proposals, a request accepted and one declined."""
    async with world_of(tmp_path, imported) as world:
        world.settings["CORDEE_PROGRAMMES"] = programmes(tmp_path, "ax-accompagnement")
        await world.start()
        claire, marc = world.on_slack("USTAFF", "Claire"), world.on_telegram(900, "Marc")
        helene, lucie = world.on_telegram(101, "Hélène"), world.on_telegram(103, "Lucie")
        karim, nadia = world.on_slack("UKARIM", "Karim B"), world.on_slack("UNADIA", "Nadia S")
        await marc.starts()
        await asyncio.gather(*(_returns(one) for one in (helene, lucie, karim, nadia)))
        experts = {"Hélène": helene, "Lucie": lucie, "Karim": karim, "Nadia": nadia}
        await asyncio.gather(
            _camille(world, world.on_slack("UCAM", "Camille Roche"), helene),
            _maud(world.on_slack("UMAUD", "Maud Odal")),
            _theo(world.on_telegram(201, "Théo"), nadia, experts),
        )
        for one in (claire, marc):
            await one.reads("Nouveau binôme", "Camille Roche et Hélène Morvan")
        await world.ends_well()


async def _returns(expert: OnSlack | OnTelegram) -> None:
    """An imported expert comes by for the first time: consent, and nothing asked again."""
    if isinstance(expert, OnTelegram):
        await expert.starts()
    else:
        await expert.says("Bonjour Cordée")
    await expert.walks({"Es-tu d’accord pour qu": "D’accord"}, "Rien ne t’attend")


async def _camille(world: World, camille: OnSlack, helene: OnTelegram) -> None:
    """By messages on Slack, to an accepted request, letters, an objective and a meeting."""
    await camille.says("Bonjour, j’aimerais parler à quelqu’un")
    wish = "Quitter le laboratoire pour une start-up de l’énergie, sans renier la recherche."
    review = await camille.walks(_asking("Camille Roche", "Énergie", wish), "Avant d’envoyer")
    assert wish in review.text
    assert "Un projet qui ait du sens" in review.text
    await camille.presses("Envoyer", review)
    proposals = await camille.reads("Qui pourrait t’aider")
    assert "Hélène" in _proposed(proposals)
    await camille.presses("Demander à Hélène", proposals)
    await camille.reads("chez Hélène Morvan")

    request = await helene.reads("Une demande pour toi", "Camille Roche", wish)
    await helene.presses("Accepter", request)
    await helene.presses("J’accepte la charte", await helene.reads("la charte"))
    meets = await helene.reads("binôme est formé", "Camille Roche")
    introduced = await camille.reads("binôme est formé", "Hélène Morvan")
    for card in (meets, introduced):
        assert "exemple.invalid" not in card.text

    await helene.presses("Écrire à Camille", meets)
    await helene.reads("Écris-moi maintenant")
    await helene.says("Bonjour Camille, <quand> *pourrions*-nous & où ?")
    await helene.reads("C’est transmis")
    letter = await camille.reads("Bonjour Camille, <quand> *pourrions*-nous & où ?")
    await camille.presses("Répondre", letter)
    await camille.reads("Écris-moi maintenant")
    await camille.says("Mardi soir me va très bien, merci !")
    await camille.reads("C’est transmis")
    await helene.reads("Mardi soir me va très bien, merci !")

    await camille.presses("Proposer un objectif", introduced)
    await camille.reads("Quel objectif raisonnable")
    await camille.says("Choisir entre trois start-up de stockage avant juin")
    await camille.reads("C’est proposé à Hélène")
    await helene.presses("J’approuve", await helene.reads("Choisir entre trois start-up"))
    await camille.reads("objectif", "approuvé", "Choisir entre trois start-up")

    await camille.presses("Fixer un rendez-vous", introduced)
    await camille.reads("Quel jour vous retrouvez-vous")
    await camille.says("mardi prochain à 19h")
    meant = await camille.reads("Un rendez-vous mardi", "19 h")
    await camille.presses("Oui, avec Hélène Morvan", meant)
    await camille.reads("Rendez-vous avec Hélène Morvan", "19 h")
    await camille.command("rdv", "mardi 18h30")
    sent = await camille.reads("Rendez-vous avec Hélène Morvan", "18 h 30")
    got = await helene.reads("Camille Roche te donne rendez-vous", "18 h 30")
    invitations = [file for card in (sent, got) for file in card.files]
    assert [name.rpartition(".")[2] for name, _ in invitations] == ["ics", "ics"]
    stamps = {re.search(rb"DTSTART\S*:(\S+)", content)[1] for _, content in invitations}  # type: ignore[index]
    assert len(stamps) == 1
    assert (await camille.reads("18 h 30")).key == sent.key  # said once


async def _maud(maud: OnSlack) -> None:
    """Begins by messages, ends in Slack's form."""
    await maud.says("salut")
    answers = _asking("Maud Odal", "Santé", "")
    asked = "Sur quoi portent tes recherches"
    begun = {q: a for q, a in answers.items() if q != asked}
    card = await maud.walks(begun, asked)
    await maud.presses("formulaire", card)
    values: dict[str, str | list[str]] = {
        "Sur quoi portent": "Les protéines repliées de travers",
        "Quels secteurs": ["Santé"],
        "Raconte-moi": "Mettre la recherche médicale au service des patients, dans un groupe.",
        "Que puis-je montrer": "Mes réponses, sans mon nom",
    }
    await maud.fills(values)
    review = await maud.reads("Avant d’envoyer")
    assert all(str(v[0] if isinstance(v, list) else v) in review.text for v in values.values())
    await maud.presses("Envoyer", review)
    _proposed(await maud.reads("Qui pourrait t’aider"))


async def _theo(theo: OnTelegram, nadia: OnSlack, experts: Mapping[str, Person]) -> None:
    """On Telegram, with an answer corrected; the first expert says no, the next one is asked."""
    await theo.starts()
    wish = "Rejoindre une administration de la santé avec ce que je sais des données."
    answers = _asking("Théo Lambert", "Santé", wish, towards="Le secteur public")
    review = await theo.walks(answers, "Avant d’envoyer")
    await theo.presses("Modifier · Où en es-tu", review)
    await theo.presses("Élève en dernière année")
    review = await theo.reads("Avant d’envoyer", "Élève en dernière année", wish)
    await theo.presses("Envoyer", review)
    proposals = await theo.reads("Qui pourrait t’aider")
    assert "Nadia" in _proposed(proposals)
    await theo.presses("Demander à Nadia", proposals)
    await theo.reads("chez Nadia Sorel")
    await nadia.presses("Pas cette fois", await nadia.reads("Une demande pour toi", wish))
    await nadia.reads("C’est noté")
    told = await theo.reads("Nadia Sorel ne peut pas cette fois", "maintenant chez")
    following = next(one for name, one in experts.items() if f"chez {name}" in told.text)
    await following.reads("Une demande pour toi", wish)


async def test_programmes_side_by_side(imported: Path, tmp_path: Path) -> None:
    """A laureate, a programme written here, and staff of both on both platforms."""
    async with world_of(tmp_path, imported) as world:
        sip = datetime.now(UTC) + timedelta(seconds=40)
        names = ("ax-accompagnement", "emergence", "cafe")
        world.settings["CORDEE_PROGRAMMES"] = programmes(tmp_path, *names, cafe_at=sip)
        await world.start()
        claire, marc = world.on_slack("USTAFF", "Claire"), world.on_telegram(900, "Marc")
        await marc.starts()
        await claire.says("Bonjour")
        await asyncio.gather(
            claire.presses("Café des métiers", await claire.reads("Lequel t’amène")),
            marc.presses("Emergence", await marc.reads("Lequel t’amène")),
        )
        await asyncio.gather(
            _cafe(world, claire, sip),
            _laureate(world, marc),
        )
        await _staff(claire, marc)
        await _outsiders(world)
        await world.ends_well()


async def _cafe(world: World, claire: OnSlack, sip: datetime) -> None:
    """A programme of which no line is Python: joining, a pair, its check-in on the real clock."""
    zoe, hugo = world.on_telegram(401, "Zoé"), world.on_slack("UHUGO", "Hugo Pellerin")
    await zoe.starts()
    await hugo.says("bonjour à tous")

    async def joins(one: Person, role: str, name: str) -> None:
        questions: dict[str, Answer] = {
            "Lequel t’amène": "Café des métiers",
            "Gardons-nous": "D’accord",
            "participer": role,
            "Quel nom sur votre badge": Typed(name),
            "Thé ou café": "Du thé",
            "Avec quelle soif": "4",
        }
        await one.walks(questions, "profil est enregistré")

    await asyncio.gather(
        joins(zoe, "Je viens comme visiteur", "Zoé Marchal"),
        joins(hugo, "Je viens comme hôte", "Hugo Pellerin"),
    )
    await claire.command("binomes", "Marchal Pellerin")
    if complaint := await claire.hears("binôme", "Zoé Marchal et Hugo Pellerin"):
        world.complaints.append(f"staff pair two people by their names: {complaint}")
        await claire.command("binomes", "telegram:401 slack:T0LOCAL/UHUGO")
    await asyncio.gather(
        zoe.reads("binôme est formé", "Hugo Pellerin", "à la même table"),
        hugo.reads("binôme est formé", "Zoé Marchal", "à la même table"),
    )
    # The hour of the check-in is fixed beforehand: late enough for the pair to be there by then.
    await asyncio.sleep(max(0.0, (sip - datetime.now(UTC)).total_seconds()))
    asked = await zoe.reads("Avez-vous bu quelque chose ensemble")
    await zoe.presses("Oui", asked)
    await zoe.reads("\u2713", "Oui")


async def _laureate(world: World, marc: OnTelegram) -> None:
    """A laureate asks to join, staff say yes, a parrain likewise; the team makes the pair."""
    ines, bruno = world.on_telegram(301, "Inès"), world.on_slack("UBRUNO", "Bruno Lenoir")
    await ines.starts()
    await bruno.says("bonjour tout le monde")
    emergence = "Emergence, suivi des lauréats"
    as_laureate = _joining(emergence, "Je viens comme lauréat", "Inès Ferrand", "2024")
    as_parrain = _joining(emergence, "Je viens comme parrain", "Bruno Lenoir", "2015")
    school: dict[str, Answer] = {"Dans quel établissement": None}
    told = "Tu auras une réponse"
    await asyncio.gather(
        ines.walks(as_laureate | school, told), bruno.walks(as_parrain | school, told)
    )
    for name in ("Inès Ferrand", "Bruno Lenoir"):
        wish = await until_there(
            lambda name=name: next((c for c in marc.cards() if name in c.text and c.labels), None),  # type: ignore[misc]
            marc.transcript,
        )
        await marc.presses("Accueillir", wish)
        await marc.reads("Inscription confirmée", name)
    await asyncio.gather(*(o.reads("inscription est confirmée") for o in (ines, bruno)))
    card: dict[str, Answer] = {
        "Quel est ton métier": Typed("Acheteur de parfums"),
        "Dans quelle entreprise": Typed("Parfumerie du Nord"),
        "Dans quel secteur": Typed("Distribution"),
        "Dans quelle ville": None,
        "Comment aimerais-tu aider": ["Parrainer un lauréat"],
        "Que dirais-tu de ton parcours": None,
        "Combien de lauréats": "Deux",
        "Es-tu d’accord pour que ces réponses": "Oui, d’accord",
    }
    await bruno.presses("Envoyer", await bruno.walks(card, "Avant d’envoyer"))
    await bruno.reads("fiche est enregistrée")
    await marc.command("binomes", "Ferrand Lenoir")
    if complaint := await marc.hears("Bruno Lenoir", "accepter la charte"):
        world.complaints.append(f"staff pair two people by their names: {complaint}")
        await marc.command("binomes", "telegram:301 slack:T0LOCAL/UBRUNO")
    charter = await bruno.reads("tu t’engages à ceci")
    assert not any("binôme est formé" in c.text for c in (*ines.cards(), *bruno.cards()))
    await bruno.presses("J’accepte la charte", charter)
    await asyncio.gather(
        ines.reads("binôme est formé", "Bruno Lenoir"),
        bruno.reads("binôme est formé", "Inès Ferrand"),
    )


async def _staff(claire: OnSlack, marc: OnTelegram) -> None:
    """The same verbs on both platforms, each in the programme chosen there."""
    await claire.command("programme", "emergence")
    await claire.reads("bureau de l’équipe")
    for one in (claire, marc):
        await one.command("demandes")
        await one.reads("Aucune demande en attente")
        await one.command("binomes")
        await one.reads("Inès Ferrand", "Bruno Lenoir")
        await one.command("bilan")
        await one.reads("Rapport d’activité")
        await one.command("exporter", "binomes")
        sent = await one.reads("données personnelles")
        name, content = sent.files[0]
        assert name.endswith(".csv")
        assert "Inès Ferrand" in content.decode("utf-8-sig")


async def _outsiders(world: World) -> None:
    """Nobody else gets an answer out of the team's verbs, nor a file."""
    ines, bruno = (next(p for p in world.people if p.name == n) for n in ("Inès", "Bruno Lenoir"))
    for verb in ("demandes", "binomes", "bilan", "exporter"):
        for one in (ines, bruno):
            before = len(one.cards())
            await one.command(verb)
            answer = await until_there(lambda o=one, b=before: o.cards()[b:], one.transcript)  # type: ignore[misc]
            assert "Je ne trouve pas cela" in answer[-1].text
            assert not answer[-1].files


async def test_killed_in_mid_dialogue(imported: Path, tmp_path: Path) -> None:
    """`kill -9` while answers are on their way: none lost, no question asked twice."""
    async with world_of(tmp_path, imported) as world:
        world.settings["CORDEE_PROGRAMMES"] = programmes(tmp_path, "ax-accompagnement")
        await world.start()
        lea, tom = world.on_slack("ULEA", "Léa Quentin"), world.on_telegram(501, "Tom")
        world.on_telegram(900, "L’équipe")  # a look-up marks the end of its range there
        world.telegram.world.users[900].started = True
        await asyncio.gather(lea.says("coucou la cordée"), tom.starts())
        words = {lea: "Qui connaît les courants de marée ?", tom: "Qui essaie les hydroliennes ?"}
        ways = {one: _question(one.name, said) for one, said in words.items()}
        for question in ("Quel secteur", "Quelle est ta question"):
            await asyncio.gather(
                *(one.walks(_before(ways[one], question), question) for one in ways)
            )
            answers = ways[lea][question], ways[tom][question]
            code, *_ = await asyncio.gather(
                world.end(signal.SIGKILL),
                *(
                    o.says(a.text)
                    for o, a in zip(ways, answers, strict=True)
                    if a and isinstance(a, Typed)
                ),
            )
            assert code == -signal.SIGKILL
            await world.start()
        for one, way in ways.items():
            shown: dict[str, Answer] = {"Que puis-je montrer": way["Que puis-je montrer"]}
            review = await one.walks(shown, "Avant d’envoyer")
            assert "énergies marines" in review.text
            assert words[one] in review.text
            for question in way:
                asked = [c.text for c in one.cards() if question in c.text and c.key != review.key]
                assert len(asked) <= 1, f"twice: {asked}"
            assert sum("Avant d’envoyer" in c.text for c in one.cards()) == 1
        await world.ends_well()


def _before(way: Mapping[str, Answer], question: str) -> dict[str, Answer]:
    return {q: a for q, a in way.items() if list(way).index(q) < list(way).index(question)}


async def test_by_signed_http_and_webhook(imported: Path, tmp_path: Path) -> None:
    """Slack by signed requests and Telegram by webhook, on the one port of the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with world_of(tmp_path, imported) as world:
        del world.settings["SLACK_APP_TOKEN"]
        world.settings |= {
            "CORDEE_PROGRAMMES": programmes(tmp_path, "ax-accompagnement"),
            "SLACK_SIGNING_SECRET": world.slack.secrets.signing_secret,
            "TELEGRAM_WEBHOOK_SECRET": HOOK,
            "CORDEE_HTTP_PORT": str(port),
            "CORDEE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        told = {k: v for k, v in world.settings.items() if k not in ("PATH", "HOME")}
        manifest: Json = json.loads(
            cordee(tmp_path, "manifest", "slack", **told, SLACK_APP_TOKEN="").stdout
        )
        await world.start()
        assert world.telegram.updates.webhook is not None
        world.slack.request_url = manifest["settings"]["event_subscriptions"]["request_url"]
        lea, tom = world.on_slack("ULEA", "Léa Quentin"), world.on_telegram(501, "Tom")
        await lea.says("bonjour par la poste")
        await tom.starts()
        people = (lea, tom)
        await asyncio.gather(*(_asks(p, f"Que vaut la mer pour {p.name} ?") for p in people))
        await lea.command("aide")
        await lea.reads("Ce que je peux faire")
        world.slack.request_url = None
        await world.ends_well()


async def _asks(person: Person, question: str) -> None:
    review = await person.walks(_question(person.name, question), "Avant d’envoyer")
    await person.presses("Envoyer", review)
    _proposed(await person.reads("Qui pourrait t’aider"))


async def test_words_instead_of_buttons(imported: Path, tmp_path: Path) -> None:
    """Newcomers who type at the first questions, and an expert whom the bot writes to first."""
    async with world_of(tmp_path, imported) as world:
        world.settings["CORDEE_PROGRAMMES"] = programmes(tmp_path, "ax-accompagnement", "emergence")
        world.settings["CORDEE_STAFF"] = "slack:T0LOCAL/USTAFF"
        world.on_slack("USTAFF", "Claire")
        await world.start()
        lea, tom = world.on_slack("ULEA", "Léa Quentin"), world.on_telegram(501, "Tom Vasseur")
        await lea.says("bonjour par écrit")
        await tom.starts()
        await asyncio.gather(*(_types(world, one) for one in (lea, tom)))
        karim = world.on_slack("UKARIM", "Karim Belhadj")
        others = [world.on_telegram(101, "Hélène"), world.on_telegram(103, "Lucie")]
        world.on_slack("UNADIA", "Nadia Sorel")
        await asyncio.gather(*(one.starts() for one in others))
        question = "Que vaut un parc d’éoliennes en mer ?"
        way = _question("", question)
        review = await tom.walks({**way, "Quel secteur": Typed("Énergie")}, "Avant d’envoyer")
        await tom.presses("Envoyer", review)
        proposals = await tom.reads("Qui pourrait t’aider")
        assert "Karim" in _proposed(proposals)
        await tom.presses("Demander à Karim", proposals)
        await karim.presses("Pas cette fois", await karim.reads("Une demande pour toi", question))
        if await karim.hears("C’est noté"):  # consent first, then the same question again
            await karim.presses("D’accord", await karim.reads("Es-tu d’accord pour qu"))
            if await karim.hears("C’est noté"):
                again = await karim.reads("Une demande pour toi", question)
                await karim.presses("Pas cette fois", again)
        await tom.reads("Karim Belhadj ne peut pas cette fois")
        await world.ends_well()


async def _types(world: World, person: Person) -> None:
    """Type what the first three buttons say; press where typing does not help."""
    steps = (
        ("Lequel t’amène", "Accompagnement à la demande", "Es-tu d’accord pour qu"),
        ("Es-tu d’accord pour qu", "D’accord", "Comment souhaites-tu participer"),
        ("souhaites-tu participer", "Je viens comme accompagné", "Comment t’appelles-tu"),
    )
    for question, words, following in steps:
        await person.walks({}, question)
        await person.says(words)
        if complaint := await person.hears(following):
            world.complaints.append(f"typed {words!r} at {question!r}: {complaint}")
            newest = next(c for c in reversed(person.cards()) if c.label(words))
            await person.presses(words, newest)
    profile = _joining("", "", person.name, "2019")
    await person.walks(profile, "Où en es-tu aujourd’hui")
    person.forgets("Où en es-tu aujourd’hui")
