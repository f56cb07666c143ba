"""What `cordee check` advises where people need protection."""

from pathlib import Path

from pydantic import SecretStr

from bot.programmes.load import load
from bot.settings import Settings
from handlers.protection import advice
from storage.migrate import upgrade
from storage.unit_of_work import Database
from tests.stand import programme
from tests.stores import NOON, SECRET, somebody


def test_minors_on_telegram_and_nobody_named_are_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/cordee.db"
    settings = Settings(
        cordee_database_url=url,
        cordee_secret_key=SecretStr(SECRET),
        telegram_bot_token=SecretStr("1:not-a-real-one"),
    )
    lycee = programme("rencontres-lycee")
    about = lycee.about.model_copy(update={"platforms": ("slack", "telegram")})
    exposed = programme("rencontres-lycee", about=about)
    assert ["not set up here" in said for said in advice([lycee], settings)] == [True]
    assert ["minors on Telegram" in said for said in advice([exposed], settings)] == [True]
    by_oauth = settings.model_copy(update={"slack_client_id": "123.456"})
    assert not list(advice([lycee], by_oauth))
    assert not list(advice([load("emergence")], settings))  # no database yet
    database = Database(url, SECRET)
    upgrade(database.engine)
    assert ["nobody is named" in s for s in advice([load("emergence")], settings)] == [True]
    person = somebody(database).person_id
    with database.unit_of_work() as uow:
        uow.people.enrol(person, "emergence", "safeguarding", now=NOON)
        uow.commit()
    database.close()
    assert not list(advice([load("emergence")], settings))
