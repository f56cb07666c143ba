"""What came of it all: lost, twice, to the wrong person, silent, unclear.

Judged by what the platforms accepted and what stands on the screens; the bot's tables are asked
only for what it says itself that it cannot know.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from handlers.local.ledger import Call
from tests.chaos import programme
from tests.chaos.actors import Diary
from tests.chaos.figures import Figures, share
from tests.chaos.ground import Ground
from tests.chaos.screens import Screen, SlackScreen

TITLE = "Ton binôme avec"  # of a prompt; a question asked again has none


@dataclass
class Verdict:
    """What is wrong, in words that name it.

    Attributes:
        lost: Received, and without effect.
        twice_on_slack: Accepted twice by Slack.
        twice_on_telegram: Accepted twice by Telegram.
        wrong_person: Read by somebody it was not for.
        silent: Somebody wrote privately and got nothing back.
        unclear: Rows that the bot says are in doubt, failed or rejected.
    """

    lost: list[str] = field(default_factory=list)
    twice_on_slack: list[str] = field(default_factory=list)
    twice_on_telegram: list[str] = field(default_factory=list)
    wrong_person: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    def tell(self, figures: Figures, *, open_sends: int) -> None:
        """As figures with their bars.

        Args:
            figures: Where.
            open_sends: How many sends were open when something was killed or went wrong: on
                Telegram, which has no key against repeats, as many may have a twin.
        """
        for name, found in vars(self).items():
            for line in found[:10]:
                figures.say(f"  {name}: {line}")
        figures.at_most("lost (received, and no effect)", len(self.lost), 0)
        figures.at_most("duplicates on Slack", len(self.twice_on_slack), 0)
        figures.at_most("read by the wrong person", len(self.wrong_person), 0)
        figures.at_most("silent (somebody wrote, nothing came)", len(self.silent), 0)
        figures.at_most(
            "twins on Telegram (at most one for each open send)",
            len(self.twice_on_telegram),
            open_sends,
        )
        figures.told("rows the bot itself calls unclear", len(self.unclear))


def judge(
    here: Ground, diary: Diary, people: Mapping[str, Screen], halts: Sequence[int]
) -> Verdict:
    """Look at everything once all is at rest.

    Args:
        here: The ground.
        diary: What people did.
        people: The pairs' people by their mark.
        halts: The check-ins that have come due for each of them.
    """
    verdict = Verdict(silent=list(diary.silences))
    posts = [(_place(call), _content(call), call) for call in here.posts()]
    _letters(verdict, diary, people, posts)
    for mark, screen in people.items():
        chat = _chat(screen)
        for number in halts:
            words = programme.halt(number)
            found = sum(
                chat == place and words in text and TITLE in text for place, text, _ in posts
            )
            _count(verdict, screen, f"{words} to {mark}", found, wanted=1)
    _keys(verdict, here, posts)
    unclear = "SELECT op, state, reason, dedup_key FROM outbox WHERE state NOT IN ('sent')"
    verdict.unclear += [str(row) for row in here.rows(unclear) if row[1] != "cancelled"]
    rejected = here.rows("SELECT id, state, reason, tries FROM inbox WHERE state <> 'done'")
    verdict.lost += [f"heard and not worked: {row}" for row in rejected]
    return verdict


def _letters(
    verdict: Verdict,
    diary: Diary,
    people: Mapping[str, Screen],
    posts: Sequence[tuple[str, str, Call]],
) -> None:
    for letter in diary.letters:
        reader = people[letter.reader]
        places = [place for place, text, _ in posts if letter.mark in text]
        right = places.count(_chat(reader))
        own = places.count(_chat(people[letter.author]))  # shown again as somebody's own answer
        if right + own != len(places) or (own and letter.received):
            verdict.wrong_person.append(f"{letter.mark} in {set(places)}")
        _count(verdict, reader, letter.mark, right, wanted=int(letter.received))


def _count(verdict: Verdict, screen: Screen, what: str, found: int, *, wanted: int) -> None:
    if found < wanted:
        verdict.lost.append(f"{what}: accepted {found} times")
    if found > 1:
        slack = isinstance(screen, SlackScreen)
        twice = verdict.twice_on_slack if slack else verdict.twice_on_telegram
        twice += [f"{what}: accepted {found} times"] * (found - 1)


def _keys(verdict: Verdict, here: Ground, posts: Sequence[tuple[str, str, Call]]) -> None:
    """Each row at most once: on Slack by the number it carries, on Telegram by what is recorded."""
    numbers = Counter(
        str((call.arguments.get("metadata") or {}).get("event_payload", {}).get("id"))
        for _, _, call in posts
        if call.method == "chat.postMessage"
    )
    for number, times in numbers.items():
        if times > 1:
            verdict.twice_on_slack.append(f"row {number}: accepted {times} times")
    known = {row[0] for row in here.rows("SELECT message_id FROM outbox WHERE state = 'sent'")}
    for place, text, call in posts:
        if call.method == "chat.postMessage":
            continue
        result = (call.response or {})["result"]
        if f"{place}/{result['message_id']}" not in known:
            already = f"{place}: {_shown(text)}"
            if not any(one.startswith(already) for one in verdict.twice_on_telegram):
                verdict.twice_on_telegram.append(f"{already} (a message nobody knows of)")


def _shown(text: str) -> str:
    return text[:60]


def _place(call: Call) -> str:
    return str(call.arguments.get("channel") or call.arguments.get("chat_id"))


def _chat(screen: Screen) -> str:
    return str(screen.user)  # type: ignore[attr-defined]


def _content(call: Call) -> str:
    told = {k: v for k, v in call.arguments.items() if k in {"text", "blocks", "caption"}}
    return (
        json.dumps(told, ensure_ascii=False, default=str)
        .replace("\\u00a0", " ")
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("\N{NARROW NO-BREAK SPACE}", " ")
    )


def tell_load(figures: Figures, diary: Diary) -> None:
    """What people did and how long they waited."""
    figures.told("things people did", diary.gestures)
    figures.told("letters", len(diary.letters))
    figures.told("things done again (the client said no)", diary.again)
    figures.told("answer to people p50", share(diary.waits, 0.5), "s")
    figures.told("answer to people p95", share(diary.waits, 0.95), "s")
    figures.told("longest answer", max(diary.waits, default=0.0), "s")
