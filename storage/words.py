"""The words a directory is searched by: those of a person, and those of a question.

Accents and case never count. A word of a question stands for every word that begins with it. This
module is arithmetic on text: it knows no database, and not who may see whom.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

NAME, PROMO, JOB, EMPLOYER, SECTOR, CITY, COUNTRY, TOPICS = (1 << n for n in range(8))
ANY: Final = 255
COLUMNS: Final = {
    "job": JOB, "employer": EMPLOYER, "sector": SECTOR, "city": CITY, "country": COUNTRY,
    "topics": TOPICS,
}  # fmt: skip
"""Columns of an expert that are searched, with their bit."""

LONGEST: Final = 32  # letters of a word that count
SORTED: Final = 40  # letters of a name that put people in order; then their numbers do
NAMELESS: Final = "~"  # after every name
READ: Final = 200  # characters of a question that are read
MOST: Final = 8  # words of a question that count
SHORT: Final = 2  # so few letters stand for the beginning of a name only

_FIELDS: Final = {
    NAME: "n nom name",
    PROMO: "p promo promotion class",
    JOB: "j poste metier fonction job",
    EMPLOYER: "e entreprise employeur societe company employer",
    SECTOR: "s secteur sector",
    CITY: "v ville city town",
    COUNTRY: "c pays country",
}  # fmt: skip
_FIELD_OF: Final = {name: bit for bit, names in _FIELDS.items() for name in names.split()}
_LETTER: Final = {bit: names.split()[0] for bit, names in _FIELDS.items()}
_NARROWED: Final = re.compile(
    rf"(?<!\w)({'|'.join(_FIELD_OF)})\s*:\s*"
    r"(?:\"([^\"]*)\"|«([^»]*)»|([^\s:+]*)(?![^\s+]*:))"
)
_LETTERS: Final = re.compile(r"[^\W_]+")
_MARKS: Final = "\u0300"  # the first character that only changes the one before it
_NUMBER: Final = re.compile(r"[0-9]+", re.ASCII)
_FIGURES: Final = 18  # of a row's number, at most
_YEAR: Final = re.compile(r"x?(\d{2}|\d{4})")
_SMALL: Final = frozenset(
    (
        "a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "of", "the",
        "and", "in", "un", "une",
    )
)  # fmt: skip  # said between words, meant as none


def number(text: str) -> int | None:
    """A number as somebody types it, None for what is none; a longer one than any is nobody's."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if len(text) <= _FIGURES else 10**_FIGURES


def plain(text: str) -> str:
    """Lower case, no accents, ligatures opened; signs and spaces stay."""
    small = text.casefold()
    if small.isascii():
        return small
    opened = unicodedata.normalize("NFKD", small.replace("œ", "oe").replace("æ", "ae"))
    return "".join(c for c in opened if c < _MARKS or not unicodedata.combining(c))


def each_word(text: str) -> list[str]:
    """The words of a text: letters and digits, lower case, no accents, ligatures opened."""
    return _LETTERS.findall(plain(text))


def fold(text: str) -> str:
    """The words of a text with one space between them."""
    return " ".join(each_word(text))


def words_of(name: str | None, promo: int | None, content: Mapping[str, Any]) -> dict[str, int]:
    """Every word a person is found by, with the fields it stands in; "" finds everybody.

    Args:
        name: The full name.
        promo: The year.
        content: Columns of an expert.
    """
    found = {"": ANY}
    texts = [(NAME, name), (PROMO, promo), *((bit, content.get(c)) for c, bit in COLUMNS.items())]
    for bit, text in texts:
        for word in each_word(str(text or "")):
            if bit == NAME or (len(word) > 1 and word not in _SMALL):
                cut = word[:LONGEST]
                found[cut] = found.get(cut, 0) | bit
    return found


def sort_key(name: str | None) -> str:
    """What puts people in the order of their names, the same on every database."""
    return fold(name or "")[:SORTED] or NAMELESS


class Term(NamedTuple):
    """A word of a question: in one of these fields there is a word that begins so."""

    word: str
    fields: int = ANY

    @property
    def text(self) -> str:
        """As it may be typed: `s:energie`, or the word alone."""
        short = self.fields == NAME and len(self.word) <= SHORT
        return self.word if short or self.fields == ANY else f"{_LETTER[self.fields]}:{self.word}"


class Query(NamedTuple):
    """What is looked for: every term holds. Without terms: everybody."""

    terms: tuple[Term, ...] = ()

    @property
    def code(self) -> str:
        """The question in printable ASCII without spaces, for a button; `decode` reads it."""
        return "+".join(term.text for term in self.terms).encode("punycode").decode("ascii")

    @property
    def names(self) -> tuple[str, ...]:
        """The names that this question is, word for word, whichever part is said first."""
        words = [word for word, _ in self.terms]
        if any(fields not in (ANY, NAME) for _, fields in self.terms):
            return ()
        turned = (words[n:] + words[:n] for n in range(len(words)))
        return tuple(dict.fromkeys(" ".join(one)[:SORTED] for one in turned))

    def within(self, room: int) -> Query:
        """The same question with words cut, the longest first, until `code` takes so few signs."""
        terms = list(self.terms)
        while len(Query(tuple(terms)).code) > room:
            longest = max(range(len(terms)), key=lambda n: len(terms[n].word))
            word, fields = terms[longest]
            if len(word) > SHORT + 2:
                terms[longest] = Term(word[:-1], fields)
            else:
                terms.pop()
        return Query(tuple(terms))


def parse(text: str) -> Query:
    """Read a question: free words, and `secteur:énergie`, `promo:2008`, `company:"Two words"`.

    Nothing typed is an error, and nothing in it means anything to a database.
    """
    left = plain(text[:READ])
    terms: list[Term] = []
    free, at = "", 0
    for found in _NARROWED.finditer(left):
        free += " " + left[at : found.start()]
        at = found.end()
        bit = _FIELD_OF[found[1]]
        said = each_word(found[2] or found[3] or found[4] or "")
        terms += [(bit == PROMO and _promo(word)) or Term(word, bit) for word in said]
    terms += [_free(word) for word in each_word(f"{free} {left[at:]}")]
    some = [t for t in terms if t.word not in _SMALL] or terms
    cut = dict.fromkeys(Term(word[:LONGEST], bit) for word, bit in some)
    return Query(tuple(sorted(cut, key=lambda t: ":" not in t.text))[:MOST])


def decode(code: str) -> Query:
    """Read a button's question; anything else that it may hold is read as typed."""
    try:
        return parse(code.encode("ascii").decode("punycode"))
    except (UnicodeError, ValueError):
        return parse(code)


def _free(word: str) -> Term:
    if word.startswith("x") and (year := _promo(word)):
        return year
    return Term(word, NAME if len(word) <= SHORT else ANY)


def _promo(word: str) -> Term | None:
    found = _YEAR.fullmatch(word)
    if found is None:
        return None
    year = found[1]
    return Term(year if len(year) == 4 else f"{'20' if year < '50' else '19'}{year}", PROMO)
