"""Text relevance in French and English: stems, BM25, character n-grams, fields of work, fused.

A directory is turned once into sparse matrices; a wish is then a few products. It knows texts and
their weights only: not people, not choices, not who may be proposed.

Source: matching goals A1 to A3 (BM25 with French stems and character n-grams, scaled by the best of
the eligible, because scaling by the spread is not stable with the directory's size).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt
import snowballstemmer
from scipy import sparse

from bot.matching.lexicon import FIELDS

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAX_QUERY = 2_000
"""Characters of a wish that are read: more is somebody's whole CV, and costs time."""
MAX_TEXT = 4_000
"""Characters of one field of a profile that are read."""
MAX_WORDS = 400
"""Words of a wish that are read."""

K1, B = 1.2, 0.5  # BM25: profiles are short, so length counts half
W_STEMS, W_CHARS, W_FIELDS = 1.0, 0.5, 1.0  # shares of the fused text score, kept round
SYNONYM = 0.8  # weight of a word the programme's list gives for one that was said
_BLOCK = 2_000  # profiles at a time, where a whole matrix would be large
LIKE = 0.2  # cosine of character n-grams under which, with no word in common, nothing is alike
CLOSE = 0.55  # cosine of character n-grams from which an unknown word is taken for a known one
_MARKS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+(?:\+\+|#)?")
_ELIDED: Final = frozenset(
    ("jusqu", "lorsqu", "puisqu", "quoiqu", "presqu", "qu")
)  # l’, d’…: too short anyway

_STOP: Final = """
    a à au aux avec avoir ai as avait avais aura aurait aurais ayant eu ce cela ça ca ces cet cette
    ceci celui celle ceux celles chez comme comment dans de des du dont donc elle elles en encore
    entre est et étais était étant être été es sont suis serait serais sera soit fait faire fais
    faut il ils je la le les leur leurs lui là ma mais me même mes mon moi moins ne ni nos notre
    nous on ont ou où par parce pas peu peut peux plus pour pourquoi pourrait qu quand que quel
    quelle quelles quels qui quoi quelque quelques quelqu sa sans se ses si son sous sur ta te tes
    toi ton tous tout toute toutes très trop tu un une va vais vers veut veux voir vos votre vous y
    aussi alors après avant afin ainsi autre autres beaucoup bien bon bonne bonjour merci salut
    car chaque ci déjà depuis dès deux trois dire dit etc eux hors ici jamais jusque lors
    maintenant mieux mis non oui parfois personne plutôt pendant peut-être presque puis rien
    sinon surtout tant tel telle toujours vraiment via voilà vu
    aimerais aimerai aimer aime adore envie voudrais voudrai vouloir souhaite souhaiterais
    cherche cherché chercher trouver trouve connaître savoir sais sait comprendre
    travailler travaille bosser bosse métier métiers boulot job jobs taf domaine secteur secteurs
    truc trucs chose choses genre style lié liés liée autour monde gens grand grande grands grandes
    petit petite petits petites vrai niveau type sorte façon idée idées question questions
    discuter échanger rencontrer échange
    the of and or to in on at for with from by an is are was were be been am it its this that these
    those i me my we our you your he she they them his her their as do does did have has had not no
    so but if what which who how when where why can could would should will just about into
    like want wants wish work working works job something someone people really very
"""


def fold(text: str) -> str:
    """Lower case, no accents, one kind of apostrophe, ligatures opened."""
    text = text.casefold().replace("’", "'").replace("œ", "oe").replace("æ", "ae")
    return text if text.isascii() else _MARKS.sub("", unicodedata.normalize("NFKD", text))


_STOPPED: Final = frozenset(_WORD.findall(fold(_STOP))) | _ELIDED
_STEMMER = snowballstemmer.stemmer("french")
_STEMMING = Lock()  # it keeps its place in the word in itself, and the index is built in a thread


def words(text: str) -> list[str]:
    """Folded words without stop words, elisions and single letters: "l’éolien" → ["eolien"]."""
    return [
        w
        for w in _WORD.findall(fold(text))
        if w not in _STOPPED and (len(w) > 1 or not w.isascii())
    ]


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """The French Snowball stem of a folded word; words with digits or signs stay as they are."""
    if not word.isalpha() or len(word) >= 40:
        return word[:40]
    with _STEMMING:
        return str(_STEMMER.stemWord(word))


def stems(text: str) -> list[str]:
    """The stems of a text, in order."""
    return [stem(w) for w in words(text)]


def parse_fields(text: str) -> dict[str, frozenset[str]]:
    """Stem → the fields it points to, from lines as in `bot.matching.lexicon`."""
    found: dict[str, set[str]] = {}
    name = ""
    for line in text.splitlines():
        head, colon, rest = line.partition(":")
        opens = bool(colon) and not line[0].isspace()
        name = head if opens else name
        for one in stems(rest if opens else line):
            found.setdefault(one, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}


@lru_cache(maxsize=1)
def common_fields() -> Mapping[str, frozenset[str]]:
    """The fields that come with the program."""
    return parse_fields(FIELDS)


def fields_of(some: Iterable[str], lexicon: Mapping[str, frozenset[str]]) -> dict[str, float]:
    """The fields a list of stems points to; a stem of several fields gives each its share."""
    found: dict[str, float] = {}
    for one in dict.fromkeys(some):
        names = lexicon.get(one, frozenset())
        for name in names:
            found[name] = found.get(name, 0.0) + 1.0 / len(names) ** 0.5
    return found


def _grams(word: str) -> list[str]:
    padded = f" {word[:40]} "
    return [padded[i : i + n] for n in (3, 4, 5) for i in range(len(padded) - n + 1)]


def _matrix(
    rows: Sequence[int], columns: Sequence[int], values: Sequence[float], shape: tuple[int, int]
) -> sparse.csr_array:
    """A CSR matrix from triples; repeated places are added up."""
    triples = (np.asarray(values, np.float32), (np.asarray(rows), np.asarray(columns)))
    return sparse.csr_array(sparse.coo_array(triples, shape=shape))


@dataclass(frozen=True, slots=True)
class Query:
    """A wish's words as the index needs them."""

    stems: Floats  # weight per stem of the directory
    grams: Floats  # weight per n-gram of the directory
    fields: Floats  # weight per field of the lexicon
    length: float  # of the n-grams, those unknown to the directory included


class TextIndex:
    """The texts of a directory, searchable.

    Args:
        documents: For each profile, (text, weight) for each of its parts.
    """

    def __init__(self, documents: Iterable[Iterable[tuple[str, float]]]) -> None:
        self.lexicon = common_fields()
        vocabulary: dict[str, int] = {}
        rows: list[int] = []
        columns: list[int] = []
        weights: list[float] = []
        size = 0
        for row, parts in enumerate(documents):
            size += 1
            for text, weight in parts:
                found = words(text[:MAX_TEXT])
                columns += [vocabulary.setdefault(w, len(vocabulary)) for w in found]
                rows += [row] * len(found)
                weights += [weight] * len(found)
        self.size = size
        self._words = vocabulary
        self._counts = _matrix(rows, columns, weights, (size, len(vocabulary)))
        self._set_stems()
        self._set_fields()
        self._set_grams()

    # --- building -------------------------------------------------------------------------------

    def _set_stems(self) -> None:
        self._stems: dict[str, int] = {}
        of_word = [self._stems.setdefault(stem(w), len(self._stems)) for w in self._words]
        n_words, n_stems = len(self._words), len(self._stems)
        to_stem = _matrix(range(n_words), of_word, [1.0] * n_words, (n_words, n_stems))
        counts = sparse.csr_array(self._counts @ to_stem)
        df = np.bincount(counts.indices, minlength=n_stems)
        self.idf: Floats = np.log1p((self.size - df + 0.5) / (df + 0.5))
        length = np.asarray(counts.sum(axis=1)).ravel()
        norm = K1 * (1 - B + B * length / max(float(length.mean()) if self.size else 0.0, 1e-9))
        weighted = counts.copy()
        per_row = np.repeat(norm, np.diff(counts.indptr))
        weighted.data = (
            counts.data * (K1 + 1) / (counts.data + per_row) * self.idf[counts.indices]
        ).astype(np.float32)
        self._bm25 = weighted
        self.stem_counts = counts

    def _set_fields(self) -> None:
        names = sorted({name for found in self.lexicon.values() for name in found})
        self.fields = {name: i for i, name in enumerate(names)}
        rows, columns, values = [], [], []
        for one, row in self._stems.items():
            found = self.lexicon.get(one, frozenset())
            for name in found:
                rows.append(row)
                columns.append(self.fields[name])
                values.append(1.0 / len(found) ** 0.5)
        to_field = _matrix(rows, columns, values, (len(self._stems), len(names)))
        held = sparse.csr_array(self.stem_counts @ to_field)
        held.data = (held.data / (held.data + 1.0)).astype(
            np.float32
        )  # twice said is not twice true
        df = np.bincount(held.indices, minlength=len(names))
        self._field_idf: Floats = np.log1p((self.size - df + 0.5) / (df + 0.5))
        self._held = held

    def _set_grams(self) -> None:
        """Word × n-gram only: documents are their words, so their n-grams are never stored."""
        self._grams: dict[str, int] = {}
        rows: list[int] = []
        columns: list[int] = []
        for row, word in enumerate(self._words):
            found = [self._grams.setdefault(g, len(self._grams)) for g in _grams(word)]
            columns += found
            rows += [row] * len(found)
        shape = (len(self._words), len(self._grams))
        plain = _matrix(rows, columns, [1.0] * len(rows), shape)
        df = np.zeros(shape[1])
        norm = np.zeros(self.size)
        for start in range(0, self.size, _BLOCK):
            block = sparse.csr_array(self._counts[start : start + _BLOCK] @ plain)
            df += np.bincount(block.indices, minlength=shape[1])
        self._gram_idf: Floats = np.log((1 + self.size) / (1 + df)) + 1
        scaled = sparse.csr_array(plain * self._gram_idf)
        for start in range(0, self.size, _BLOCK):
            block = sparse.csr_array(self._counts[start : start + _BLOCK] @ scaled)
            norm[start : start + _BLOCK] = np.sqrt(np.asarray((block * block).sum(axis=1)).ravel())
        self._word_grams = scaled
        self._word_norm: Floats = np.sqrt(np.asarray((scaled * scaled).sum(axis=1)).ravel())
        self._gram_norm: Floats = np.maximum(norm, 1e-9)

    # --- asking ---------------------------------------------------------------------------------

    def query(self, text: str, synonyms: Mapping[str, tuple[str, ...]] | None = None) -> Query:
        """Read a wish: its stems, the nearest known word for each unknown one, its fields.

        Args:
            text: The wish, as typed.
            synonyms: A word people use, and what profiles say instead; these count a little less.
        """
        asked = dict.fromkeys(islice(words(text[:MAX_QUERY]), MAX_WORDS), 1.0)
        for stands_for in meant(text, synonyms or {}):
            for word in words(stands_for):
                asked.setdefault(word, SYNONYM)
        by_stem = np.zeros(len(self._stems))
        by_gram = np.zeros(len(self._grams))
        by_field = np.zeros(len(self.fields))
        rare = float(self._gram_idf.max(initial=1.0))
        unknown = 0
        for name, share in fields_of(map(stem, asked), self.lexicon).items():
            by_field[self.fields[name]] += share
        for word, weight in asked.items():
            grams = _grams(word)
            here = [self._grams[g] for g in grams if g in self._grams]
            np.add.at(by_gram, here, weight * self._gram_idf[here])
            unknown += len(grams) - len(here)
            known = self._stems.get(stem(word))
            if known is not None:
                by_stem[known] = max(by_stem[known], weight)
            elif stem(word) not in self.lexicon and (near := self._nearest(word)) is not None:
                like, cosine = near
                place = self._stems[stem(like)]
                by_stem[place] = max(by_stem[place], weight * cosine)
                for name, share in fields_of([stem(like)], self.lexicon).items():
                    by_field[self.fields[name]] += share * cosine
        length = float(np.sqrt(by_gram @ by_gram + unknown * rare**2))
        return Query(by_stem, by_gram, by_field, length)

    def rarity(self, one: str) -> float:
        """How much a stem says in this directory; 0 if it does not occur."""
        place = self._stems.get(one)
        return 0.0 if place is None else float(self.idf[place])

    def _nearest(self, word: str) -> tuple[str, float] | None:
        """The known word that an unknown one is most like: somebody's typing error."""
        here = [self._grams[g] for g in _grams(word) if g in self._grams]
        if len(word) < 5 or not here:
            return None
        asked = np.zeros(len(self._grams))
        np.add.at(asked, here, self._gram_idf[here])
        unknown = len(_grams(word)) - len(here)
        length = np.sqrt(asked @ asked + unknown * float(self._gram_idf.max()) ** 2)
        cosine = (self._word_grams @ asked) / np.maximum(self._word_norm * length, 1e-9)
        best = int(cosine.argmax())
        if cosine[best] < CLOSE:
            return None
        return next(islice(self._words, best, None)), float(cosine[best])

    def score(self, query: Query, mask: Mask) -> Floats:
        """Relevance of each profile in [0, 1], 1 for the best of the mask; 0 outside it.

        All zeros when nothing in the mask has to do with the wish.
        """
        total = np.zeros(self.size)
        if not self.size or not mask.any():
            return total
        bm25 = self._bm25 @ query.stems
        chars = (self._counts @ (self._word_grams @ query.grams)) / self._gram_norm
        fields = self._held @ (query.fields * self._field_idf)
        if not bm25[mask].any() and not fields[mask].any():
            like = chars[mask].max() / max(query.length, 1e-9)
            if like < LIKE:
                return total
        for share, part in ((W_STEMS, bm25), (W_CHARS, chars), (W_FIELDS, fields)):
            best = part[mask].max()
            if best > 0:
                total += share * part / best
        total[~mask] = 0.0
        top = total.max()
        return total / top if top > 0 else total


def meant(text: str, synonyms: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What the words of a text stand for; the programme's own words may be stop words here."""
    said = dict.fromkeys(_WORD.findall(fold(text[:MAX_QUERY])))
    by_word = {fold(word): instead for word, instead in synonyms.items()}
    return [one for word in islice(said, MAX_WORDS) for one in by_word.get(word, ())]


class Phrases:
    """Short texts of one kind (sectors, jobs), for how near a chosen value comes to each.

    Args:
        texts: One per profile; may be empty.
        lexicon: Stem → fields.
    """

    def __init__(self, texts: Sequence[str], lexicon: Mapping[str, frozenset[str]]) -> None:
        self._lexicon = lexicon
        self._size = len(texts)
        kinds: dict[str, int] = {}
        self._kind = np.array([kinds.setdefault(text, len(kinds)) for text in texts], int)
        self._held = [frozenset(stems(text[:MAX_TEXT])) for text in kinds]
        self._fields = [
            frozenset().union(*(lexicon.get(s, frozenset()) for s in held)) for held in self._held
        ]
        self._rows: dict[str, list[int]] = {}
        for row, held in enumerate(self._held):
            for one in held:
                self._rows.setdefault(one, []).append(row)

    def nearness(self, value: str) -> Floats:
        """Share of the value's words that a text holds; at least half of it for the same field."""
        asked = list(dict.fromkeys(stems(value[:MAX_QUERY])))[:MAX_WORDS]
        column = np.zeros(len(self._held))
        if not asked or not self._size:
            return np.zeros(self._size)
        rarity = [np.log1p(len(self._held) / (1 + len(self._rows.get(s, ())))) for s in asked]
        for one, weight in zip(asked, rarity, strict=True):
            column[self._rows.get(one, [])] += weight / sum(rarity)
        fields = fields_of(asked, self._lexicon)
        for row, held in enumerate(self._fields):
            if held and (shared := sum(fields.get(name, 0.0) for name in held)):
                column[row] = max(column[row], 0.5 * shared / sum(fields.values()))
        return np.asarray(column[self._kind])
