"""The words many people use: how many people, never how often, and no word of fewer than three.

Elisions are taken off, small words and numbers left out, inflections put together by their stem and
shown in the form that most people wrote, with its accents. The caller says which words are names.
This module is arithmetic on text: it knows neither who wrote what, nor what is drawn of it.

Source: X-10.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from bot.matching.text import fold, stem, words

FEWEST: Final = 3
"""People who must have used a word for it to be shown: a rarer one may point to somebody."""
LONGEST: Final = 40
MAX_TEXT: Final = 4_000
"""Characters of one person's words that are read."""

_ADDRESS: Final = re.compile(r"https?://\S+|www\.\S+|\S+@\S+")
_TOKEN: Final = re.compile(r"[^\W_]+(?:[-\u2010\u2011][^\W_]+)*")
_OPENS: Final = re.compile(r"(?:^|[.!?:;…\n•–—])[\s«\"“(•–—-]*$")
_HYPHEN: Final = re.compile(r"[-\u2010\u2011]")
_TAIL: Final = frozenset(
    (
        "je", "tu", "il", "elle", "on", "nous", "vous", "ils", "elles", "ce", "t", "moi", "toi",
        "lui", "leur", "leurs", "le", "la", "les", "y", "en", "ci", "meme", "memes",
    )
)  # fmt: skip  # « puis-je », « celui-ci », « eux-mêmes »

_SMALL: Final = """
    an ans aucun aucune auprès aujourd hui auquel autant avaient avais avance avez aviez avions
    avons bientôt bref certain certaine certaines certains cet chacun chacune cher chers
    chère cordialement bonsoir contre cours côté debut début demain depuis dernier dernière
    derrière dessous dessus devant doit dois doivent dr ds durant dès également enfin ensuite
    envers environ ex exemple faisait faisant faites ferai ferait fin fois font furent fut grâce
    hier ira irai irait jour jours laquelle lequel lesquelles lesquels loin lors lorsque
    madame mademoiselle malgré mois moment moments monsieur nouveau nouveaux nouvel nouvelle
    nouvelles néanmoins ok okay ouais outre parmi part partir pendant peuvent plein pleine
    plusieurs plutôt point possible pr premier premiers première premières près presque prochain
    prochaine propre puisque puisse quant quelconque savent savez seconde second seront
    selon seul seule seulement sommes souvent stp suite svp tard tandis tel temps tôt up
    venir viens vient voire vont étaient étant étions êtes année années semaine
    semaines actuel actuelle actuellement différent différente différentes différents divers
    diverses nombreuses nombreux notamment simplement finalement tellement particulier
    particulièrement agit agisse
    peut-être est-à-dire là-bas là-dessus là-dedans au-delà au-dessus au-dessous ci-dessus
    ci-dessous ci-joint par-dessus quelques-uns quelques-unes vis-à-vis grand-chose tout-à-fait
    va-et-vient
    also any because both each even ever few first get go going good great here know let lot make
    many may more most much must never new now often one only other others out own same see since
    some still such take than them then there through time up us use very way well while yes year
    years
"""
_VERBS: Final = """
    penser croire devoir pouvoir permettre aider apporter souhaiter espérer intéresser intérêt
    intéressant attirer passionner passion plaire hésiter poser parler raconter demander répondre
    expliquer donner prendre mettre rester commencer finir suivre arriver passer devenir tenir
    rendre montrer sembler remercier découvrir découverte bénéficier permettrait souhait
    help hope talk speak think interested interest learn discover become
"""


def _parts(text: str) -> list[str]:
    return [part for part in _HYPHEN.split(fold(text)) if part]


_UNSAID: Final = frozenset(fold(word) for word in _SMALL.split())
_UNSAID_STEMS: Final = frozenset(stem(fold(word)) for word in _VERBS.split())


class Word(NamedTuple):
    """A word and how many people used it."""

    text: str
    people: int


class Words:
    """Who used which words.

    Args:
        texts: What each person wrote, one text a person.
        silent: Words that say nothing here, as the programme's own: « mentorat ».
    """

    def __init__(self, texts: Iterable[str], silent: Collection[str] = ()) -> None:
        self._silent = frozenset(stem(word) for text in silent for word in words(text))
        self._said: dict[str, tuple[str, str] | None] = {}  # most are said again and again
        self._groups: dict[str, dict[str, set[int]]] = {}
        for person, text in enumerate(texts):
            for key, form in self._forms(text[:MAX_TEXT]):
                self._groups.setdefault(key, {}).setdefault(form, set()).add(person)

    @property
    def to_check(self) -> frozenset[str]:
        """Words that may be shown, folded: those that are somebody's name are not."""
        return frozenset(
            part
            for forms in self._groups.values()
            if len(set().union(*forms.values())) >= FEWEST
            for form in forms
            for part in _parts(form)
        )

    def most_said(self, names: Collection[str] = ()) -> list[Word]:
        """The words of at least `FEWEST` people, the most said first.

        Args:
            names: Folded words not to be shown, whoever wrote them.
        """
        found = []
        for forms in self._groups.values():
            left = {form: who for form, who in forms.items() if not set(_parts(form)) & set(names)}
            people = len(set().union(*left.values()))
            if people >= FEWEST:
                found.append(Word(_shown(left), people))
        return sorted(found, key=lambda word: (-word.people, fold(word.text), word.text))

    def _forms(self, text: str) -> set[tuple[str, str]]:
        """The words of one person that say something: what they go by, and as written."""
        text = _ADDRESS.sub(" ", unicodedata.normalize("NFC", text))
        shouted = text.isupper()
        found = set()
        for token in _TOKEN.finditer(text):
            word = token[0]
            if not word.islower():
                opens = _OPENS.search(text[max(0, token.start() - 8) : token.start()])
                named = word.isupper() or (word[0].isupper() and not opens)
                word = word if named and not shouted else word.lower()
            if word not in self._said:
                self._said[word] = self._kept(word)
            if (kept := self._said[word]) is not None:
                found.add(kept)
        return found

    def _kept(self, word: str) -> tuple[str, str] | None:
        """What a word goes by, and it without « -je », « -là »; None when it says nothing."""
        if any(c.isdigit() for c in word) or not any(c.isalpha() for c in word):
            return None
        pieces = [piece for piece in _HYPHEN.split(word) if piece]
        while len(pieces) > 1 and fold(pieces[-1]) in _TAIL:
            pieces.pop()
        whole = "-".join(pieces)
        if fold(whole) in _UNSAID or not 2 <= len(fold(whole)) <= LONGEST:
            return None
        if len(pieces) == 1 and self._says_nothing(fold(whole)):
            return None
        return stem("".join(_parts(whole))), whole

    def _says_nothing(self, word: str) -> bool:
        root = stem(word)
        return not words(word) or root in _UNSAID_STEMS or root in self._silent


def _shown(forms: dict[str, set[int]]) -> str:
    """The form that most people wrote; of several the shortest, which is the singular."""

    def rank(form: str) -> tuple[int, int, bool, int, str]:
        accents = sum(a != b for a, b in zip(form.lower(), fold(form), strict=False))
        return -len(forms[form]), len(form), form != form.lower(), -accents, form

    return min(forms, key=rank)
