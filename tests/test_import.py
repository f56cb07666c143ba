"""`cordee import`: the layout, every fault with its line, all or nothing, updates, spreadsheets."""

import csv
import io
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot import importer
from bot.exporter import neutral, plain, write_csv
from bot.importer import COLUMNS, Imported, ImportProblem, import_people, read_sheet
from handlers.local.people import COLUMNS as LAYOUT
from handlers.local.people import invented, invented_csv
from storage.tables import Expert, Identity, Membership, Person
from storage.unit_of_work import Database
from tests.empty import tables

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def made(url: str) -> Iterator[Database]:
    database = Database(url, "a secret for tests only")
    tables(database)
    yield database
    database.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    yield from made(f"sqlite:///{tmp_path / 'cordee.db'}")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind, for what the two may do differently."""
    file = f"sqlite:///{tmp_path / 'cordee.db'}"
    yield from made(request.getfixturevalue("pg_tables") if request.param == "postgres" else file)


def load(database: Database, data: str | bytes, **more: str) -> Imported:
    """Import a file as the command does: commit unless there are problems."""
    raw = data.encode() if isinstance(data, str) else data
    with database.unit_of_work() as uow:
        done = import_people(uow.directory, raw, NOW, **more)  # type: ignore[arg-type]
        uow.commit()
    return done


def people(database: Database) -> dict[str, Person]:
    with database.unit_of_work() as uow:
        return {p.external_id or p.email or "": p for p in uow.session.scalars(select(Person))}


def found(text: str, **more: object) -> list[tuple[int, str, str]]:
    """(line, column, problem) of each fault of a file."""
    sheet = read_sheet(text.encode(), **more)  # type: ignore[arg-type]
    return [(p.line, p.column, p.problem_id) for p in sheet.problems]


# --- layout ---------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason="missing: the development data")
def test_the_development_directory_is_taken_as_it_is(either: Database) -> None:
    raw = (DATA / "dev_directory.csv").read_bytes()
    assert load(either, raw) == Imported(150, created=150)
    assert load(either, raw) == Imported(150, updated=150)
    with either.unit_of_work() as uow:
        assert len(uow.directory.eligible(NOW)) == 103
        row = uow.session.scalars(
            select(Expert).join(Person).where(Person.external_id == "D0148")
        ).one()
        assert (row.job, row.structure, row.countries) == ("Brasseur", "independant", ["Belgique"])
        assert (row.capacity, row.outside_load, row.method) == (3, 2, False)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_marks_delimiters_and_line_ends_are_recognised(mark: str, delimiter: str, end: str) -> None:
    rows = list(invented(5))
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(LAYOUT)
    writer.writerows([row[name] for name in LAYOUT] for row in rows)
    sheet = read_sheet((mark + out.getvalue()).encode())
    assert sheet.problems == []
    assert [row.entry.person["external_id"] for row in sheet.rows] == [row["id"] for row in rows]
    languages = sheet.rows[0].entry.expert
    assert languages is not None
    assert languages["languages"] == rows[0]["langues"].split(";")


def test_every_column_of_the_layout_is_known_and_documented() -> None:
    assert set(LAYOUT) < set(COLUMNS)
    assert all(name in (importer.__doc__ or "") for name in COLUMNS)


def test_the_header_may_have_capitals_accents_and_columns_of_its_own() -> None:
    sheet = read_sheet("ID;Prénom;NOM;Pays vécus;Téléphone\n1;Zoé;Roy;Chili;0102\n".encode())
    assert sheet.problems == []
    assert sheet.ignored == ["Téléphone"]
    assert sheet.rows[0].entry.person["name"] == "Zoé Roy"


def test_optional_columns(either: Database) -> None:
    text = (
        "id,nom,programme,role,telegram,slack,langue,fuseau,aide,sujets\n"
        "1,Zoé Roy,emergence,mentor;staff,77,T1/U42,en,Asia/Tokyo,one_off;referent,Brevets\n"
        "2,Léa Lac,emergence,mentee,,,,,,\n"
        "3,Max Pic,,,,,,,,\n"
    )
    done = load(either, text, telegram_bot="telegram:5")
    assert done == Imported(3, created=3)
    everybody = people(either)
    with either.unit_of_work() as uow:
        roles = {
            (m.person_id, m.programme_id, m.role) for m in uow.session.scalars(select(Membership))
        }
        accounts = {
            (i.platform, i.account, i.bot_account) for i in uow.session.scalars(select(Identity))
        }
        experts = set(uow.session.scalars(select(Expert.person_id)))
        zoe = uow.directory.get(everybody["1"].id)
    assert roles == {
        (everybody["1"].id, "emergence", "mentor"),
        (everybody["1"].id, "emergence", "staff"),
        (everybody["2"].id, "emergence", "mentee"),
    }
    assert accounts == {("telegram", "77", "telegram:5"), ("slack", "T1/U42", "slack:T1")}
    assert experts == {everybody["1"].id, everybody["3"].id}  # a mentee is no expert
    assert (everybody["1"].lang, everybody["1"].zone) == ("en", "Asia/Tokyo")
    assert (everybody["2"].lang, everybody["2"].zone) == ("fr", None)
    assert zoe is not None
    assert (zoe.helps, zoe.topics) == (["one_off", "referent"], "Brevets")


def test_rows_without_a_programme_get_the_one_of_the_command(database: Database) -> None:
    load(database, "id,nom,programme\n1,Zoé,\n2,Léa,autre\n", programme="emergence")
    with database.unit_of_work() as uow:
        held = list(uow.session.scalars(select(Membership.programme_id).order_by(Membership.id)))
    assert held == ["emergence", "autre"]


# --- faults ---------------------------------------------------------------------------------------

HEAD = "id,email,nom"


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("promo", "MMX", "import-not-a-number"),
        ("promo", "1066", "import-out-of-range"),
        ("promo", "²", "import-not-a-number"),
        ("capacite", "-1", "import-not-a-number"),
        ("capacite", "101", "import-out-of-range"),
        ("charge", "1.5", "import-not-a-number"),
        ("disponible", "peut-être", "import-not-yes-no"),
        ("consentement", "x", "import-not-yes-no"),
        ("structure", "secte", "import-not-one-of"),
        ("role", "mentor;chef", "import-not-one-of"),
        ("langue", "de", "import-not-one-of"),
        ("aide", "argent", "import-not-one-of"),
        ("fuseau", "Mars/Olympus", "import-not-a-zone"),
        ("fuseau", "../etc/passwd", "import-not-a-zone"),
        ("telegram", "@zoe", "import-not-a-telegram-id"),
        ("slack", "U42", "import-not-a-slack-id"),
        ("slack", "T1/U42:x", "import-not-a-slack-id"),
        ("programme", "inconnu", "import-programme-unknown"),
        ("poste", "x" * 301, "import-cell-too-long"),
        ("bio", "x" * 4001, "import-cell-too-long"),
        ("pays_vecus", ";".join(map(str, range(60))), "import-too-many-parts"),
        ("langues", "x" * 61, "import-cell-too-long"),
        ("ville", "Ly\x00on", "import-control-character"),
    ],
)
def test_a_bad_cell_is_reported_with_line_column_and_remedy(
    column: str, cell: str, problem: str
) -> None:
    text = f"{HEAD},{column}\n1,a@x.invalid,Roy,\n2,b@x.invalid,Lac,{cell}\n"
    assert found(text, programmes=("emergence",)) == [(3, column, problem)]


@pytest.mark.parametrize(
    "address", ["zoe", "a@b@c", "a b@c.fr", "@x", "<a@b.fr>", "a" * 320 + "@x.fr"]
)
def test_a_bad_address(address: str) -> None:
    assert found(f"id,email,nom\n1,{address},Roy\n") == [(2, "email", "import-not-an-address")]


def test_every_fault_is_found_in_one_pass() -> None:
    text = (
        "id,email,nom,promo,disponible\n"
        "1,a@x.invalid,Roy,abc,bof\n"
        "\n"
        "1,b@x.invalid,Lac,2000,oui\n"
        '3,c@x.invalid,"Deux\nlignes",2000,oui\n'
        "4,A@X.invalid,,2000,oui\n"
        ",,Pic,2000,oui\n"
        "6,f@x.invalid,Col\n"
    )
    assert found(text) == [
        (2, "promo", "import-not-a-number"),
        (2, "disponible", "import-not-yes-no"),
        (4, "id", "import-twice-in-file"),
        (7, "email", "import-twice-in-file"),
        (7, "nom", "import-no-name"),
        (8, "id", "import-no-key"),
        (9, "", "import-cell-count"),
    ]
    twice = read_sheet(text.encode()).problems[2]
    assert twice.args == {"value": "1", "other": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(1, "", "import-empty")]),
        ("\n\n", [(1, "", "import-empty")]),
        ("id,nom\n", [(2, "", "import-empty")]),
        ("id,nom,consentment\n1,Roy,oui\n", [(1, "consentment", "import-column-unknown")]),
        ("id,nom,id\n1,Roy,1\n", [(1, "id", "import-column-twice")]),
        ("prenom,nom\nZoé,Roy\n", [(1, "", "import-column-missing")]),
        ("id,promo\n1,2000\n", [(1, "", "import-column-missing")]),
        ('id,nom\n1,"Roy\n2,Lac\n', [(2, "", "import-bad-quotes")]),
        ("id,nom,role\n1,Roy,mentee\n", [(2, "role", "import-role-without-programme")]),
    ],
)
def test_a_file_that_is_wrong_as_a_whole(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert found(text) == expected


def test_what_is_not_a_text_file_of_ours() -> None:
    latin = read_sheet("id,nom\n1,Roy\n2,Zoé\n".encode("latin-1"))
    assert [(p.line, p.problem_id) for p in latin.problems] == [(3, "import-not-utf8")]
    workbook = read_sheet(b"PK\x03\x04\xff\xfe" * 100)
    assert [p.problem_id for p in workbook.problems] == ["import-is-packed"]


def test_limits_of_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_ROWS", 3)
    rows = "".join(f"{n},Roy\n" for n in range(5))
    assert found(f"id,nom\n{rows}") == [(5, "", "import-too-many-rows")]
    monkeypatch.setattr(importer, "MAX_BYTES", 10)
    assert found(f"id,nom\n{rows}") == [(1, "", "import-file-too-long")]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    sheet = read_sheet(data)
    assert sheet.problems or sheet.rows


@given(st.lists(st.lists(st.text(max_size=12), max_size=5), max_size=5))
def test_any_cells_are_read_or_refused(cells: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["id", "nom", "promo", "bio", "fuseau"], *cells])
    sheet = read_sheet(out.getvalue().encode("utf-8", "surrogatepass"))
    assert sheet.problems or sheet.rows


# --- all or nothing, and never twice --------------------------------------------------------------


def test_one_fault_and_nothing_is_written(database: Database) -> None:
    done = load(database, "id,nom,promo\n1,Roy,2000\n2,Lac,jamais\n")
    assert done.problems == (
        ImportProblem(
            3,
            "promo",
            "import-not-a-number",
            {"value": "jamais", "low": 1900, "high": 2100},
        ),
    )
    assert (done.total, done.created, done.updated) == (2, 0, 0)
    assert people(database) == {}


def test_people_are_updated_by_id_or_by_address(either: Database) -> None:
    load(either, "id,email,nom,poste\n1,a@x.invalid,Roy,Chef\n2,b@x.invalid,Lac,Chef\n")
    done = load(
        either,
        "id,email,nom,poste\n1,new@x.invalid,Roy,Directrice\n,B@X.invalid,Lac,\n3,,Pic,Chef\n",
    )
    assert (done.created, done.updated) == (1, 2)
    everybody = people(either)
    assert sorted(everybody) == ["1", "2", "3"]
    assert everybody["1"].email == "new@x.invalid"
    with either.unit_of_work() as uow:
        jobs = {e.person_id: e.job for e in uow.session.scalars(select(Expert))}
    assert jobs == {
        everybody["1"].id: "Directrice",
        everybody["2"].id: "",
        everybody["3"].id: "Chef",
    }


def test_id_and_address_of_two_people_or_one_person_on_two_lines(database: Database) -> None:
    load(database, "id,email,nom\n1,a@x.invalid,Roy\n2,b@x.invalid,Lac\n")
    mixed = load(database, "id,email,nom\n1,b@x.invalid,Roy\n")
    assert [(p.line, p.column, p.problem_id) for p in mixed.problems] == [
        (2, "email", "import-two-people")
    ]
    twice = load(database, "id,email,nom\n1,,Roy\n,a@x.invalid,Roy\n")
    assert [(p.line, p.problem_id, p.args) for p in twice.problems] == [
        (3, "import-same-person", {"other": 2})
    ]


def test_an_account_of_somebody_else_is_never_taken_over(database: Database) -> None:
    load(database, "id,nom,telegram\n1,Roy,77\n")
    done = load(database, "id,nom,telegram\n2,Lac,77\n")
    assert [(p.line, p.column, p.problem_id) for p in done.problems] == [
        (2, "telegram", "import-account-taken")
    ]
    assert list(people(database)) == ["1"]
    assert load(database, "id,nom,telegram\n1,Roy,77\n").updated == 1


@pytest.mark.slow
def test_many_people(either: Database) -> None:
    """`make bench` measures 18,000; the bounds here only catch what grows with the square."""
    data = invented_csv(3_000)
    told: list[tuple[int, int]] = []
    start = time.perf_counter()
    with either.unit_of_work() as uow:
        done = import_people(
            uow.directory, data, NOW, progress=lambda n, total: told.append((n, total))
        )
        uow.commit()
    assert time.perf_counter() - start < 30
    assert done == Imported(3_000, created=3_000)
    assert told[-1] == (3_000, 3_000)
    assert [n for n, _ in told] == sorted(n for n, _ in told)
    assert len(told) > 5
    with either.unit_of_work() as uow:
        assert uow.session.scalar(select(func.count()).select_from(Expert)) == 3_000
        start = time.perf_counter()
        eligible = uow.directory.eligible(NOW, programme_id="p", mentee_id=1)
        assert time.perf_counter() - start < 2
        assert 1_500 < len(eligible) < 3_000


# --- spreadsheets ---------------------------------------------------------------------------------


@given(st.text())
def test_what_was_neutralised_comes_back(text: str) -> None:
    assert plain(neutral(text)) == text
    assert not neutral(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_an_export_is_safe_to_open_and_imports_as_it_was(either: Database) -> None:
    bios = ["=1+1", "+33 1", "-", "@SUM(A1)", "'=x", "''+y", "l'eau", '="a;b"', "deux\nlignes"]
    rows = [[str(n), "Roy", bio, True, None] for n, bio in enumerate(bios)]
    data = write_csv(["id", "nom", "bio", "consentement", "promo"], rows)
    assert data.startswith(b"\xef\xbb\xbfid;nom;bio;")
    cells = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert not any(c.startswith(("=", "+", "-", "@", "\t", "\r")) for row in cells for c in row)
    assert load(either, data).created == len(bios)
    everybody = people(either)
    with either.unit_of_work() as uow:
        kept = {e.person_id: e.bio for e in uow.session.scalars(select(Expert))}
    assert [kept[everybody[str(n)].id] for n in range(len(bios))] == bios


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="missing: /proc (Linux)")
def test_an_import_takes_less_than_300_megabytes(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(invented_csv(18_000))
    code = f"""
from datetime import UTC, datetime
from pathlib import Path
from bot.importer import import_people
from storage.tables import Base
from storage.unit_of_work import Database
database = Database("sqlite:///{tmp_path / "cordee.db"}", "a secret for tests only")
Base.metadata.create_all(database.engine)
with database.unit_of_work() as uow:
    data = Path("{file}").read_bytes()
    done = import_people(uow.directory, data, datetime(2026, 3, 2, tzinfo=UTC))
    uow.commit()
assert done.created == 18_000, done
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 300 * 1024
