"""`cordee import` with a column for classes: pupils are put into theirs, by name."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storage.tables import ClassPlace
from storage.unit_of_work import Database
from tests.stores import database
from tests.test_import import load

__all__ = ["database"]
HERE = "rencontres-lycee"
HEAD = "id,nom,role,classe\n"


def places(database: Database) -> list[tuple[str, str, str, str]]:
    with database.unit_of_work() as uow:
        rows = uow.session.scalars(select(ClassPlace).order_by(ClassPlace.id)).all()
        return [(row.programme_id, row.key, row.name, row.role) for row in rows]


@pytest.fixture
def filled(database: Database) -> Database:
    text = HEAD + "1,Roy,mentee,2de 4\n2,Petit,mentee;mentor,2DE-4;Club photo\n3,Blanc,mentor,\n"
    assert not load(database, text, programme=HERE).problems
    return database


def test_pupils_are_put_into_their_classes_however_they_are_written(filled: Database) -> None:
    assert places(filled) == [
        (HERE, "2de-4", "2de 4", "pupil"),
        (HERE, "2de-4", "2de 4", "pupil"),
        (HERE, "club-photo", "Club photo", "pupil"),
    ]


def test_a_second_file_adds_and_takes_nobody_out(filled: Database) -> None:
    again = load(filled, HEAD + "1,Roy,mentee,2De 4;1re 2\n2,Petit,mentee,\n", programme=HERE)
    assert (again.updated, again.problems) == (2, ())
    assert [(key, name) for _, key, name, _ in places(filled)] == [
        ("2de-4", "2de 4"), ("2de-4", "2de 4"), ("club-photo", "Club photo"), ("1re-2", "1re 2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "programme", "problem"),
    [
        ("1,Roy,mentee,2de/4\n", HERE, "import-not-a-class"),
        ("1,Roy,mentee," + "x" * 17 + "\n", HERE, "import-not-a-class"),
        ("1,Roy,mentor,2de 4\n", HERE, "import-class-of-no-pupil"),
        ("1,Roy,,2de 4\n", HERE, "import-class-of-no-pupil"),
        ("1,Roy,mentee,2de 4\n", None, "import-class-of-no-pupil"),
    ],
)
def test_what_is_no_class_or_nobodys_is_said_with_its_line(
    database: Database, row: str, programme: str | None, problem: str
) -> None:
    done = load(database, HEAD + row, **({"programme": programme} if programme else {}))
    assert (2, "classe", problem) in [(p.line, p.column, p.problem_id) for p in done.problems]
    assert places(database) == []
