"""Who is proposed, and why: filters, order, reasons that are true of the record, hostile wishes."""

import json
import random
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.expert_index import rules_of, wish_of
from bot.importer import read_sheet
from bot.matching import Index, Reason, Rules, Suggestion, Wish, needs_human
from bot.matching.features import Columns, countries_of, promo_nearness, structure_nearness, tag
from bot.matching.places import country, key, language, region
from bot.matching.text import clauses, common_fields
from bot.programmes.matching import Matching
from handlers.local.people import invented, invented_csv
from storage.directory import Profile

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def profile(person_id: int, **given_: Any) -> Profile:
    """A profile with nothing in it but what is given."""
    nothing = Profile(person_id, None, "", "", "", "", "", "", (), "", (), (), (), "")
    return nothing._replace(**given_)


def profiles(rows: Iterable[dict[str, str]]) -> list[Profile]:
    """Rows of an import as the profiles they become."""
    return [
        Profile(
            number,
            int(row["promo"]),
            row["poste"],
            row["employeur"],
            row["structure"],
            row["secteur"],
            row["ville"],
            row["pays"],
            tuple(p for p in row["pays_vecus"].split(";") if p),
            row["bio"],
            tuple(p for p in row["situations"].split(";") if p),
            tuple(p for p in row["langues"].split(";") if p),
            ("one_off",) if number % 2 else ("long_term", "referent"),
            "",
        )
        for number, row in enumerate(rows, start=1)
    ]


PEOPLE = profiles(invented(400, seed=7))
BY_ID = {p.person_id: p for p in PEOPLE}
INDEX = Index.build(PEOPLE)

WISHES = [
    Wish("quitter le labo pour une entreprise"),
    Wish("l'éolien en mer, et les réseaux électriques"),
    Wish("", {"sector": ("finance", "Santé"), "structure": ("startup",)}),
    Wish("", {"country": ("Afrique", "Japon"), "language": ("anglais", "japonais")}),
    Wish("start-up", {"situation": ("début de carrière",), "city": ("lyon",)}),
    Wish(
        "vignes", {"country": ("Allemagne",), "employer": ("Trésor public",), "job": ("actuaire",)}
    ),
    Wish("conseil", {"help_kind": ("referent",), "structure": ("independant",)}, promo=2020),
    Wish("music festival", language="fr"),
]


def ids(found: Iterable[Suggestion]) -> list[int]:
    return [one.person_id for one in found]


# --- who ------------------------------------------------------------------------------------------


def test_nobody_outside_the_allowed_is_ever_proposed() -> None:
    rng = random.Random(3)
    for wish in WISHES:
        allowed = set(rng.sample(sorted(BY_ID), 60))
        barred = set(rng.sample(sorted(allowed), 20))
        found = ids(INDEX.propose(wish, exclude=barred, n=5, only=allowed))
        assert set(found) <= allowed - barred
        assert set(ids(INDEX.rank(wish, 60, exclude=barred, only=allowed))) <= allowed - barred
    assert INDEX.propose(WISHES[0], only=set()) == []


def test_nobody_is_proposed_twice_and_never_more_than_asked() -> None:
    for wish in WISHES:
        found = ids(INDEX.propose(wish))
        assert 1 <= len(found) <= 3
        assert len(set(found)) == len(found)
    assert len(INDEX.propose(WISHES[0], n=5)) == 5
    assert INDEX.propose(WISHES[0], n=0) == []


def test_the_order_of_the_rows_changes_nothing() -> None:
    mixed = list(PEOPLE)
    random.Random(1).shuffle(mixed)
    other = Index(mixed)
    for wish in WISHES:
        assert other.propose(wish) == INDEX.propose(wish)
        assert other.rank(wish, 50) == INDEX.rank(wish, 50)


def test_equals_are_told_apart_by_the_seed_alone() -> None:
    twins = Index(profile(n, sector="Énergie", job="Ingénieure") for n in range(1, 41))
    wish = Wish("énergie")
    first = ids(twins.rank(wish, 40, rules=Rules(seed=1)))
    assert first == ids(twins.rank(wish, 40, rules=Rules(seed=1)))
    assert first != ids(twins.rank(wish, 40, rules=Rules(seed=2)))
    assert sorted(first) == list(range(1, 41))


def test_a_question_left_open_punishes_nobody() -> None:
    """The score is a mean over what was answered."""
    only_text = INDEX.rank(Wish("éolien"), 1)[0]
    assert only_text.score == pytest.approx(1.0)


def test_choices_without_words_and_words_without_choices_both_work() -> None:
    found = INDEX.propose(Wish(features={"structure": ("recherche",), "sector": ("Biologie",)}))
    assert {BY_ID[i].structure for i in ids(found)} == {"recherche"}
    assert all(BY_ID[i].sector == "Forêt et bois" for i in ids(INDEX.propose(Wish("scierie")))[:1])


def test_a_weight_of_nought_leaves_a_feature_out() -> None:
    wish = Wish("éolien", {"structure": ("recherche",)})
    rules = Rules(weights={"structure": 0})
    assert ids(INDEX.rank(wish, 20, rules=rules)) == ids(INDEX.rank(Wish("éolien"), 20))
    assert ids(INDEX.rank(wish, 20)) != ids(INDEX.rank(Wish("éolien"), 20))


def test_somebody_who_lists_languages_without_the_common_one_is_left_out() -> None:
    index = Index(
        [
            profile(1, sector="Énergie", languages=("anglais",)),
            profile(2, sector="Énergie", languages=("français",)),
            profile(3, sector="Énergie"),
        ]
    )
    assert sorted(ids(index.rank(Wish("énergie", language="fr"), 5))) == [2, 3]


def test_three_that_differ_are_preferred_to_three_alike() -> None:
    same = [profile(n, sector="Spatial", job="Ingénieure", structure="public") for n in (1, 2, 3)]
    other = profile(
        4, sector="Lanceurs", job="Fondatrice spatiale, deux enfants, un bateau, un violon"
    )
    index = Index([*same, other])
    assert 4 in ids(index.propose(Wish("spatial"), rules=Rules(variety=0.5)))
    assert 4 not in ids(index.propose(Wish("spatial"), rules=Rules(variety=0.0)))


def test_under_the_threshold_nobody_is_proposed() -> None:
    wish = Wish("", {"city": ("Lyon",), "sector": ("Nucléaire",)})
    assert INDEX.propose(wish, rules=Rules(threshold=0.5))
    assert INDEX.propose(wish, rules=Rules(threshold=1.01)) == []


def test_the_same_kind_of_help_alone_is_no_reason_to_propose_anybody() -> None:
    helpful = {"help_kind": ("one_off",)}
    assert INDEX.propose(Wish("", helpful)) == []
    assert INDEX.propose(Wish("zzzz", helpful)) == []
    found = INDEX.propose(Wish("scierie", helpful), n=50)
    assert found
    assert all(any(reason.id != "reason-help" for reason in one.reasons) for one in found)


def test_a_region_means_more_than_home_and_a_programme_may_name_its_own() -> None:
    index = Index(
        [profile(n, country="France", sector="Eau") for n in range(1, 9)]
        + [profile(9, country="Kenya"), profile(10, country="France", countries=("Espagne",))]
    )
    assert ids(index.rank(Wish("", {"country": ("Europe",)}), 5)) == [10]
    assert ids(index.rank(Wish("", {"country": ("Afrique",)}), 5)) == [9]
    assert ids(index.rank(Wish("", {"country": ("Japon",)}), 5)) == []
    hot = Rules(regions={"Pays chauds": ("Kenya", "Espagne")})
    assert ids(index.rank(Wish("", {"country": ("pays chauds",)}), 5, rules=hot)) == [9, 10]


def test_the_gap_in_years_is_a_trapezoid() -> None:
    gaps = np.array([3, 4, 6, 8, 16, 25, 26, np.nan, -10])
    found = promo_nearness(gaps, Rules())
    assert found.tolist() == pytest.approx([0, 0, 0.5, 1, 1, 0, 0, 0, 0])
    index = Index(
        profile(n, promo=promo, sector="Eau") for n, promo in enumerate((2018, 2008, 1980))
    )
    rules = Rules(weights={"promo_gap": 10})
    assert ids(index.rank(Wish("eau", promo=2020), 1, rules=rules)) == [1]


def test_near_structures_and_near_sectors_count_half() -> None:
    index = Index([profile(1, structure="pme", sector="Vin"), profile(2, sector="Bijou")])
    assert index.rank(Wish("", {"structure": ("startup",)}), 5)[0].score == pytest.approx(0.5)
    rules = Rules(near_sectors=(("Vin", "Bijou"),))
    scores = {
        s.person_id: s.score for s in index.rank(Wish("", {"sector": ("vin",)}), 5, rules=rules)
    }
    assert scores == pytest.approx({1: 1.0, 2: 0.5})


def test_the_rules_are_the_programme_files() -> None:
    table = Matching.model_validate(
        {"threshold": 40, "weights": {"text": 7}, "synonyms": {"asso": ["association"]}}
    )
    rules = rules_of(table, seed=5)
    assert rules.threshold == pytest.approx(0.4)
    assert rules.weights["text"] == 7
    assert rules.synonyms == {"asso": ("association",)}
    assert rules.promo_full == (8, 16)
    assert rules.seed == 5


# --- why ------------------------------------------------------------------------------------------


def holds(reason: Reason, who: Profile, wish: Wish) -> bool:  # noqa: PLR0911 (one per reason)
    """Whether a reason is true of the record and, for choices, of the wish."""
    args = dict(reason.args)
    match reason.id:
        case "reason-says":
            return str(args["quote"]).removesuffix("…") in who.bio
        case "reason-job":
            return args == {"job": who.job, "employer": who.employer}
        case "reason-sector":
            return args == {"sector": who.sector} and bool(who.sector)
        case "reason-employer":
            return args == {"employer": who.employer}
        case "reason-structure":
            return args == {"structure": who.structure}
        case "reason-lives" | "reason-region":
            return args == {"country": who.country}
        case "reason-lived":
            wanted = {c for v in wish.values("country") for c in countries_of(v, Rules())}
            return args["country"] in who.countries and country(str(args["country"])) in wanted
        case "reason-situation":
            return args["situation"] in who.situations
        case "reason-language":
            wanted = {language(v) for v in wish.values("language")}
            return args["language"] in who.languages and language(str(args["language"])) in wanted
        case "reason-city":
            return args == {"city": who.city} and key(who.city) in map(key, wish.values("city"))
        case "reason-help":
            return args["kind"] in who.helps and args["kind"] in wish.values("help_kind")
        case "reason-promo":
            return args == {"promo": who.promo, "gap": (wish.promo or 0) - (who.promo or 0)}
        case _:
            return False


@pytest.mark.parametrize("wish", WISHES)
def test_every_reason_is_true_of_the_record(wish: Wish) -> None:
    rules = Rules(weights={"promo_gap": 10})
    for one in INDEX.rank(wish, 60, rules=rules):
        assert 1 <= len(one.reasons) <= 3
        assert len({(r.id, tuple(r.args.items())) for r in one.reasons}) == len(one.reasons)
        for reason in one.reasons:
            assert holds(reason, BY_ID[one.person_id], wish), reason


@pytest.mark.parametrize("wish", WISHES)
def test_what_is_said_to_be_missing_is_missing(wish: Wish) -> None:
    for one in INDEX.propose(wish, n=10):
        who = BY_ID[one.person_id]
        for lack in one.missing:
            wanted = str(lack.args["wanted"])
            assert wanted in [v for values in wish.features.values() for v in values]
            match lack.id:
                case "missing-structure":
                    assert tag(wanted) != tag(who.structure)
                case "missing-city":
                    assert key(wanted) != key(who.city)
                case "missing-country":
                    assert country(wanted) not in map(country, (who.country, *who.countries))


def test_the_persons_own_best_clause_is_quoted() -> None:
    bio = "Deux enfants ; j'ai quitté une banque pour un CAP de menuiserie. Passionnée de voile !"
    index = Index([profile(1, job="Menuisière", bio=bio), profile(2, job="Notaire", bio="Actes.")])
    reason = index.propose(Wish("travailler le bois, menuisier"))[0].reasons[0]
    assert reason == Reason(
        "reason-says", {"quote": "j'ai quitté une banque pour un CAP de menuiserie"}
    )
    assert clauses(bio)[2] == "Passionnée de voile"


def test_a_long_clause_is_cut_at_a_word() -> None:
    index = Index([profile(1, bio="tunnel " + "béton armé " * 60)])
    (reason,) = index.propose(Wish("tunnel"))[0].reasons
    quote = str(reason.args["quote"])
    assert len(quote) <= 160
    assert quote.endswith(("béton…", "armé…"))


def test_a_field_that_only_a_word_of_several_meanings_points_to_is_no_reason() -> None:
    servant = profile(1, sector="Administration publique", bio="Thèse, puis service de l’État.")
    engineer = profile(2, sector="Recherche publique", bio="Une thèse, puis un laboratoire.")
    index = Index([servant, engineer])
    wish = Wish(text="une thèse dans l’éolien ou le solaire, plutôt en start-up")
    told = {s.person_id: [r.id for r in s.reasons] for s in index.rank(wish, 2)}
    assert told == {1: ["reason-says"], 2: ["reason-says", "reason-sector"]}


def test_a_region_shared_is_said_as_such_and_home_is_no_reason_for_a_continent() -> None:
    index = Index(
        [profile(n, country="France") for n in (1, 2, 3)]
        + [profile(4, country="Chine"), profile(5, country="Belgique", sector="Eau")]
    )
    (far,) = index.rank(Wish("", {"country": ("Japon",)}), 5)
    assert far.reasons == (Reason("reason-region", {"country": "Chine"}),)
    assert region(country("Japon")) == region(country("Chine"))
    assert ids(index.rank(Wish("", {"country": ("Europe",)}), 5)) == [5]


# --- hostile and odd wishes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🙂",
        "de la du des",
        "a" * 200_000,
        "éolien " * 30_000,
        '"NEAR(* -^ OR AND NOT tunnel*',
        "'; DROP TABLE person; --",
        "\x00\x00 tunnel \u202e\u0301",
        "\ud800",
        "ﷺ" * 500,
    ],
)
def test_no_wish_breaks_the_ranking(text: str) -> None:
    for wish in (Wish(text), Wish(text, dict.fromkeys(WISHES[5].features, (text,)))):
        for one in INDEX.propose(wish):
            assert 0 < one.score <= 1
            assert one.reasons


@settings(max_examples=60)
@given(
    st.text(max_size=60),
    st.dictionaries(
        st.sampled_from(
            [
                "sector",
                "structure",
                "country",
                "language",
                "situation",
                "city",
                "text",
                "employer",
                "job",
                "help_kind",
                "x",
            ]
        ),
        st.lists(st.text(max_size=30), max_size=3).map(tuple),
    ),
    st.one_of(st.none(), st.integers(-(10**6), 10**6)),
)
def test_any_wish_is_answered(
    text: str, features: dict[str, tuple[str, ...]], promo: int | None
) -> None:
    found = INDEX.propose(Wish(text, features, promo))
    assert len(found) <= 3
    assert found == INDEX.propose(Wish(text, features, promo))


def test_an_empty_directory_and_empty_profiles_propose_nobody() -> None:
    assert Index([]).propose(WISHES[1]) == []
    assert Index([profile(1), profile(2)]).propose(WISHES[1]) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("je ne sais pas du tout", "unsure"),
        ("J’sais pas trop, n’importe quoi", "unsure"),
        ("I don't know", "unsure"),
        ("surtout pas la finance", "negated"),
        ("tout sauf une banque", "negated"),
        ("anything but consulting", "negated"),
        ("l'éolien en mer", None),
        ("je n'ose pas parler en public", None),
        ("pourquoi pas la banque, un bon notaire", None),
        ("pas l’armée", "negated"),
        ("je suis un peu perdue", "unsure"),
        ("un passage par l'étranger", None),
        ("", None),
    ],
)
def test_who_does_not_know_or_says_what_not_is_for_a_person(text: str, why: str | None) -> None:
    assert needs_human(text) == why


# --- quality on the development data --------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason="missing: the development data")
@pytest.mark.parametrize(
    ("choices", "eligible", "ndcg3", "recall10"),
    [(False, False, 0.70, 0.90), (True, False, 0.72, 0.90), (True, True, 0.75, 0.92)],
)
def test_quality_on_the_development_data(
    tmp_path: Path, choices: bool, eligible: bool, ndcg3: float, recall10: float
) -> None:
    directory = DATA / "dev_directory.csv"
    entries = [row.entry for row in read_sheet(directory.read_bytes()).rows]
    people, free = [], []
    for number, entry in enumerate(entries, start=1):
        expert = dict(entry.expert or {})
        content = {n: tuple(v) if isinstance(v, list) else v for n, v in expert.items()}
        fields = {n: v for n, v in content.items() if n in Profile._fields}
        people.append(profile(number, promo=entry.person["promo"], **fields))
        if (
            expert["available"]
            and expert["consenting"]
            and expert["outside_load"] < expert["capacity"]
        ):
            free.append(number)
    assert (len(people), len(free)) == (150, 103)
    index = Index(people)
    lines = []
    for line in (DATA / "dev_queries.jsonl").read_text("utf-8").splitlines():
        query = json.loads(line)
        wish = wish_of(query["text"], query["choices"] if choices else {})
        found = index.rank(wish, 10, only=free if eligible else None)
        ranked = [entries[one.person_id - 1].person["external_id"] for one in found]
        lines.append(json.dumps({"id": query["id"], "ranked": ranked}))
    ranking = tmp_path / "ranking.jsonl"
    ranking.write_text("\n".join(lines), "utf-8")
    command: list[str | Path] = [
        sys.executable,
        DATA / "eval_experts.py",
        DATA / "dev_queries.jsonl",
        ranking,
    ]
    command += [directory] if eligible else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert result["ndcg3"] >= ndcg3, result
    assert result["recall10"] >= recall10, result
    assert result["violations"] == 0


# --- the invented directory -----------------------------------------------------------------------


def test_invented_people_are_the_same_each_time_and_fit_the_import() -> None:
    assert list(invented(30)) == list(invented(60))[:30]
    assert list(invented(30)) != list(invented(30, seed=2))
    sheet = read_sheet(invented_csv(300))
    assert sheet.problems == []
    assert len(sheet.rows) == sheet.total == 300
    people = list(invented(300))
    assert len({row["secteur"] for row in people}) > 40
    assert len({row["bio"] for row in people}) > 200
    assert all(row["email"].endswith(".invalid") for row in people)
    assert 0.3 < sum(row["genre"] == "F" for row in people) / 300 < 0.7


def test_a_suggestion_says_nothing_that_the_record_does_not_show() -> None:
    """No name, address or gender can come out: the profile does not hold them."""
    assert not {"name", "email", "genre", "gender"} & set(Profile._fields)
    one = INDEX.propose(WISHES[1])[0]
    assert replace(one, score=0.0).person_id == one.person_id


# --- what each choice counts ----------------------------------------------------------------------

VILLAGE = [
    profile(
        1, country="France", city="Lyon", structure="startup", sector="Zorglub", employer="Krok",
        languages=("français",), situations=("senior",), helps=("one_off",), promo=2010,
    ),
    profile(2, country="France", countries=("Japon",), job="Zorglub", promo=1980),
    profile(
        3, country="Chine", structure="PME", topics="zorglub", languages=("anglais", "français"),
        situations=("senior", "jeune_chercheur"),
    ),
    profile(4, country="France", languages=("anglais",), employer="Krok Bazar", promo=2017),
]  # fmt: skip
COLUMNS = Columns(VILLAGE, common_fields())
R = float(np.log1p(3 / 3)), float(np.log1p(3 / 2))  # how rare: in two of three texts, in one


@pytest.mark.parametrize(
    ("name", "chosen", "column"),
    [
        ("country", ("Japon",), [0, 0.8, 0.4, 0]),
        ("country", ("France",), [1, 1, 0, 1]),
        ("country", ("Asie",), [0, 0.8, 1, 0]),
        ("country", ("Europe",), [0, 0, 0, 0]),
        ("country", ("Japon", "Chine"), [0, 0.8, 1, 0]),
        ("country", ("Belgique",), [0, 0, 0, 0]),
        ("city", ("lyon",), [1, 0, 0, 0]),
        ("city", ("lyon", "nice"), [1, 0, 0, 0]),
        ("structure", ("Start-up",), [1, 0, 0.5, 0]),
        ("structure", ("recherche",), [0, 0, 0, 0]),
        ("situation", ("Jeune chercheur", "senior"), [0.5, 0, 1, 0]),
        ("situation", ("senior", "Sénior"), [1, 0, 1, 0]),
        ("language", ("anglais", "fr"), [0.5, 0, 1, 0.5]),
        ("help_kind", ("one_off",), [1, 0.5, 0.5, 0.5]),
        ("help_kind", ("referent",), [0, 0.5, 0.5, 0.5]),
        ("sector", ("zorglub",), [1, 0.7, 1, 0]),
        ("sector", ("Bulle", "zorglub"), [1, 0.7, 1, 0]),
        ("job", ("Zorglub",), [0.5, 1, 0.5, 0]),
        ("employer", ("krok",), [1, 0, 0, 1]),
        ("employer", ("Krok bazar",), [R[0] / sum(R), 0, 0, 1]),
    ],
)
def test_a_choice_counts_for_each_what_they_have_of_it(
    name: str, chosen: tuple[str, ...], column: list[float]
) -> None:
    found = COLUMNS.features(Wish("", {name: chosen}), Rules(), {})
    assert found.keys() == {name}
    assert found[name].tolist() == pytest.approx(column)
    assert found[name].dtype == np.float32


def test_only_what_was_answered_is_a_feature() -> None:
    wish = Wish("", {"city": (" ", ""), "text": ("x",), "unknown": ("y",)}, promo=2020)
    assert wish.values("city") == ()
    found = COLUMNS.features(wish, Rules(), {})
    assert {name: column.tolist() for name, column in found.items()} == {"promo_gap": [1, 0, 0, 0]}
    assert wish.words == "\nx"
    many = Wish("", {"city": tuple(f" {n}{'x' * 300}" for n in range(30))})
    assert len(many.values("city")) == 20
    assert {len(value) for value in many.values("city")} == {200}
    assert Wish("a", {"text": tuple("b" * 30)}).words.count("b") == 20


def test_what_was_worked_out_is_remembered_for_the_same_rules() -> None:
    memo: dict[tuple[str, str], Any] = {}
    wish = Wish("", {"city": ("lyon",)}, promo=2020)
    first = COLUMNS.features(wish, Rules(), memo)
    assert memo.keys() == {("city", "lyon"), ("promo_gap", "2020")}
    assert COLUMNS.features(wish, Rules(), memo)["city"] is first["city"]


def test_neighbours_count_half_in_both_directions() -> None:
    rules = Rules(near_sectors=(("Klaxon", "Zorglub"), ("zorglub", "Bulle")))
    for value in ("klaxon", "BULLE"):
        found = COLUMNS.features(Wish("", {"sector": (value,)}), rules, {})["sector"]
        assert found.tolist() == pytest.approx([0.5, 0, 0.5, 0])
    near = Rules(near_structures=(("PME", "Grand groupe"),))
    assert structure_nearness("pme", "groupe", near) == 0.5
    assert structure_nearness("groupe", "pme", near) == 0.5
    assert structure_nearness("pme", "startup", near) == 0.0
    assert structure_nearness("pme", "pme", near) == 1.0


def test_who_names_no_language_speaks_any() -> None:
    assert COLUMNS.speaking("fr").tolist() == [True, True, True, False]
    assert COLUMNS.speaking("anglais").tolist() == [False, True, True, True]
    assert COLUMNS.speaking("klingon").tolist() == [False, True, False, False]
    assert (COLUMNS.size, COLUMNS.home) == (4, country("France"))
    assert Columns([profile(1)], common_fields()).home == ""


def test_a_programme_s_region_comes_before_the_world_s() -> None:
    own = Rules(regions={"Asie": ("Japan",)})
    assert countries_of("asie", own) == {country("Japon")}
    assert country("Chine") in countries_of("asie", Rules())
    found = COLUMNS.features(Wish("", {"country": ("ASIE",)}), own, {})["country"]
    assert found.tolist() == pytest.approx([0, 0.8, 0, 0])
    home = Rules(regions={"Chez nous": ("France", "Chine")})
    found = COLUMNS.features(Wish("", {"country": ("chez nous",)}), home, {})["country"]
    assert found.tolist() == pytest.approx([0, 0, 1, 0])


# --- the mean and the order -----------------------------------------------------------------------


def test_the_score_is_the_weighted_mean_of_what_was_answered() -> None:
    index = Index(VILLAGE)
    wish = Wish("", {"city": ("lyon",), "structure": ("startup",), "country": ("Chine",)})
    scores = {s.person_id: s.score for s in index.rank(wish, 9)}
    assert scores == pytest.approx({1: 10 / 20, 3: 14 / 20})
    rules = Rules(weights={"city": 30, "country": 0})
    scores = {s.person_id: s.score for s in index.rank(wish, 9, rules=rules)}
    assert scores == pytest.approx({1: 1.0, 3: 0.10526}, abs=1e-6)
    nothing = Rules(weights={"city": 0, "structure": 0, "country": 0})
    assert index.rank(wish, 9, rules=nothing) == []


def test_as_many_as_asked_are_the_first_of_all() -> None:
    for wish in WISHES:
        everybody = INDEX.rank(wish, 400)
        for top in (1, 2, 7, 50):
            assert INDEX.rank(wish, top) == everybody[:top]
        assert INDEX.rank(wish, 0) == []


def test_ids_may_be_far_apart_and_unknown_ones_are_nobody() -> None:
    far = Index([profile(10**12, city="Lyon"), profile(7, city="Lyon"), profile(8, city="Nice")])
    wish = Wish("", {"city": ("lyon",)})
    assert sorted(ids(far.rank(wish, 9))) == [7, 10**12]
    for only in ({10**12, 5, 10**13}, np.array([10**12, 6, 10**13])):
        assert ids(far.rank(wish, 9, only=only)) == [10**12]
    near = Index(VILLAGE)
    assert ids(near.rank(wish, 9, only=[1, -3, 99, 10**9])) == [1]
    assert near.rank(wish, 9, only=[2, 99]) == []
    assert near.rank(wish, 9, exclude=[1]) == []
    assert (len(near), len(Index([]))) == (4, 0)


def test_nobody_is_proposed_for_a_few_letters_in_common() -> None:
    """What is telling has to be more than a tenth; in the ranking anything will do."""
    index = Index(
        [profile(n, employer=f"Krok{n}") for n in range(2, 12)]
        + [profile(1, employer="Bazar " + " ".join(f"mot{n}" for n in range(9)))]
    )
    wish = Wish("", {"employer": ("bazar " + " ".join(f"autre{n}" for n in range(20)),)})
    rules = Rules(threshold=0.0)
    assert ids(index.rank(wish, 3, rules=rules)) == [1]
    assert index.rank(wish, 3, rules=rules)[0].score < 0.1
    assert index.propose(wish, rules=rules) == []


def test_a_matrix_has_a_row_for_each_wish_and_a_column_for_each_id() -> None:
    index = Index(VILLAGE)
    some = [
        Wish("", {"city": ("lyon",), "structure": ("startup",), "country": ("Chine",)}),
        Wish("", {"help_kind": ("one_off",)}),
        Wish("", {"city": ("lyon",)}, language="anglais"),
    ]
    found = index.matrix(index.ask(some), [3, 99, 1, 2, 4], barred={0: [2], 2: [4]})
    assert found.tolist() == [[700, -1, 500, -1, 0], [0, -1, 0, 0, 0], [0, -1, -1, 0, -1]]
    assert found.dtype == np.int16
    gap = index.ask([Wish("", {"help_kind": ("one_off",)}, promo=2020)], rules=Rules(
        weights={"promo_gap": 7}
    ))  # fmt: skip
    assert index.matrix(gap, [1, 2, 4]).tolist() == [[1000, 0, 0]]
    with pytest.raises(KeyError, match="99"):
        index.explain(index.ask(some), [(0, 99)])
    with pytest.raises(KeyError, match="1"):
        index.explain(index.ask(some), [(2, 1)])  # they share no language


def test_many_wishes_are_read_in_blocks_and_come_out_the_same() -> None:
    wishes = (WISHES * 40)[:300]
    only = sorted(BY_ID)[:50]
    many = INDEX.matrix(INDEX.ask(wishes), only)
    few = INDEX.matrix(INDEX.ask(WISHES), only)
    assert (many == np.vstack([few] * 40)[:300]).all()


def test_what_a_word_stands_for_is_looked_for_in_the_ranking_too() -> None:
    rules = Rules(synonyms={"truc": ("zorglub",)})
    index = Index([profile(1, bio="Un zorglub."), profile(2, bio="Un krok.")])
    assert index.rank(Wish("truc"), 2) == []
    (found,) = index.rank(Wish("truc"), 2, rules=rules)
    assert (found.person_id, found.reasons) == (
        1,
        (Reason("reason-says", {"quote": "Un zorglub"}),),
    )
    assert index.explain(index.ask([Wish("truc")], rules=rules), [(0, 1)]) == [found]


def test_without_meanings_there_is_nothing_to_encode() -> None:
    assert INDEX.meaning(WISHES) is None
    assert INDEX.unread(WISHES) == 0
    asked = INDEX.ask([Wish("un truc")], rules=Rules(synonyms={"truc": ("scierie", "bois")}))
    assert asked.words == ["un truc\nscierie\nbois"]
    assert asked.meaning is None
