"""Text relevance in French and English: stems, BM25 and fields of work, fused.

A directory is turned once into columns, one per stem and one per field; a wish adds up the few that
it names. Character n-grams find the known words that an unknown one is like. It knows texts and
their weights only: not people, not choices, not who may be proposed.

Source: matching goals A1 to A3 (BM25 with French stems, scaled by the best of the eligible, because
scaling by the spread is not stable with the directory's size).
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

MAX_QUERY = 2_000
"""Characters of a wish that are read: more is somebody's whole CV, and costs time."""
MAX_TEXT = 4_000
"""Characters of one field of a profile that are read."""
MAX_WORDS = 400
"""Words of a wish that are read."""

K1, B = 1.2, 0.5  # BM25: profiles are short, so length counts half
SYNONYM = 0.8  # weight of a word the programme's list gives for one that was said
CLOSE = 0.55  # cosine of character n-grams from which an unknown word is taken for a known one
_MARKS = re.compile("[\u0300-\u036f]")
_WORD = re.compile(r"[^\W_]+(?:\+\+|#)?")
_CLAUSE = re.compile(r"\s*(?:[.;:!?\n…]+(?=\s|$)|\s[–—-]\s)\s*")
NEGATED: Final = re.compile(
    r"(?:\b(?:surtout pas|sauf|plus envie|plus jamais|marre|hors de question|ras le bol"
    r"|not|never|except|anything but)\b"
    r"|(?<!pourquoi )\bpas (?:(?:envie|question|de|du|des|la|le|les|dans|en|chez|a|à|un|une|trop)\b"
    r"|[dl]['’]))",
    re.IGNORECASE,
)
"""What a wish excludes. A « pas » of another kind (« je n'ose pas ») says what is wished for."""
_EXCLUDED: Final = re.compile(
    NEGATED.pattern + r".*?(?=[,.;:!?\n]|\b(?:mais|plutôt|plutot|but|rather)\b|$)", re.IGNORECASE
)
_ELIDED: Final = frozenset(
    ("jusqu", "lorsqu", "puisqu", "quoiqu", "presqu", "qu")
)  # l’, d’…: too short anyway

_IT: Final = re.compile(r"\bIT\b")  # in capitals a field of work, in small letters an English word

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
    the of and or to in on at for with from by an is are was were be been am it its this that
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
    if "IT" in text:
        text = _IT.sub("informatique", text)
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


def wanted(text: str) -> str:
    """A wish without what it excludes: up to the next comma, « mais » or « plutôt »."""
    return _EXCLUDED.sub(" ", text[:MAX_QUERY])


def clauses(text: str) -> list[str]:
    """The clauses of somebody's own words, as written."""
    return [c for c in (part.strip(" ,\t") for part in _CLAUSE.split(text)) if c]


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
    rows: Sequence[int],
    columns: Sequence[int],
    values: Sequence[float] | None,
    shape: tuple[int, int],
) -> sparse.csr_array:
    """A CSR matrix from triples; repeated places are added up. Without values: each counts 1."""
    data = np.ones(len(rows), np.float32) if values is None else np.asarray(values, np.float32)
    triples = (data, (np.asarray(rows, np.int32), np.asarray(columns, np.int32)))
    return sparse.csr_array(sparse.coo_array(triples, shape=shape))


def _add(total: Floats, columns: sparse.csc_array, weights: Mapping[int, float]) -> Floats:
    """Add a few columns of a sparse matrix, each with its weight, to a dense one."""
    for column, weight in weights.items():
        start, end = columns.indptr[column : column + 2]
        total[columns.indices[start:end]] += np.float32(weight) * columns.data[start:end]
    return total


@dataclass(frozen=True, slots=True)
class Query:
    """A wish's words as the index needs them: a weight for each stem and each field it names."""

    stems: Mapping[int, float]
    fields: Mapping[int, float]


class TextIndex:
    """The texts of a directory, searchable.

    Args:
        documents: For each profile, (text, weight) for each of its parts.
    """

    def __init__(self, documents: Iterable[Iterable[tuple[str, float]]]) -> None:
        self.lexicon = common_fields()
        self.read = lru_cache(maxsize=8_192)(self._read)  # they go when the index goes
        self._nearest = lru_cache(maxsize=8_192)(self._like)
        vocabulary: dict[str, int] = {}
        rows, columns, weights = array("i"), array("i"), array("f")
        size = 0
        for row, parts in enumerate(documents):
            size += 1
            for text, weight in parts:
                found = words(text[:MAX_TEXT])
                columns.extend(vocabulary.setdefault(w, len(vocabulary)) for w in found)
                rows.extend([row] * len(found))
                weights.extend([weight] * len(found))
        self.size = size
        self._words = list(vocabulary)
        counts = _matrix(rows, columns, weights, (size, len(vocabulary)))
        counts = self._set_stems(counts)
        self._set_fields(counts)
        self._set_grams()

    # --- building -------------------------------------------------------------------------------

    def _set_stems(self, counts: sparse.csr_array) -> sparse.csr_array:
        self._stems: dict[str, int] = {}
        of_word = [self._stems.setdefault(stem(w), len(self._stems)) for w in self._words]
        n_words, n_stems = len(self._words), len(self._stems)
        to_stem = _matrix(range(n_words), of_word, None, (n_words, n_stems))
        counts = sparse.csr_array(counts @ to_stem)
        df = np.bincount(counts.indices, minlength=n_stems)
        self.idf: npt.NDArray[np.float64] = np.log1p((self.size - df + 0.5) / (df + 0.5))
        length = np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel()
        norm = K1 * (1 - B + B * length / max(float(length.mean()) if self.size else 0.0, 1e-9))
        weighted = counts.copy()
        per_row = np.repeat(norm, np.diff(counts.indptr))
        weighted.data = (
            counts.data * (K1 + 1) / (counts.data + per_row) * self.idf[counts.indices]
        ).astype(np.float32)
        self._bm25 = sparse.csc_array(weighted)
        return counts

    def _set_fields(self, counts: sparse.csr_array) -> None:
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
        held = sparse.csr_array(counts @ to_field)
        df = np.bincount(held.indices, minlength=len(names))
        idf = np.log1p((self.size - df + 0.5) / (df + 0.5))
        # Twice said is not twice true.
        held.data = (held.data / (held.data + 1.0) * idf[held.indices]).astype(np.float32)
        self._held = sparse.csc_array(held)

    def _set_grams(self) -> None:
        """Which known words hold an n-gram: for typing errors, never for whole profiles."""
        self._grams: dict[str, int] = {}
        rows, columns = array("i"), array("i")
        for row, word in enumerate(self._words):
            found = [self._grams.setdefault(g, len(self._grams)) for g in _grams(word)]
            columns.extend(found)
            rows.extend([row] * len(found))
        shape = (len(self._words), len(self._grams))
        plain = _matrix(rows, columns, None, shape)
        df = np.bincount(plain.indices, minlength=shape[1])
        self._gram_idf = np.log((1 + shape[0]) / (1 + df)) + 1
        plain.data = (plain.data * self._gram_idf[plain.indices]).astype(np.float32)
        length = np.sqrt(np.asarray((plain * plain).sum(axis=1)).ravel())
        self._word_length = np.maximum(length, 1e-9).astype(np.float32)
        self._word_grams = sparse.csc_array(plain)

    # --- asking ---------------------------------------------------------------------------------

    def query(self, text: str, instead: Sequence[str] = ()) -> Query:
        """Read a wish: its stems, the nearest known word for each unknown one, its fields.

        Args:
            text: The wish, as typed.
            instead: What its words stand for (`meant`); these count a little less.
        """
        asked = dict.fromkeys(islice(words(text[:MAX_QUERY]), MAX_WORDS), 1.0)
        for stands_for in instead:
            for word in words(stands_for):
                asked.setdefault(word, SYNONYM)
        by_stem: dict[int, float] = {}
        by_field: dict[int, float] = {}
        for name, share in fields_of(map(stem, asked), self.lexicon).items():
            by_field[self.fields[name]] = share
        for word, weight in asked.items():
            root = stem(word)
            known = self._stems.get(root)
            if known is not None:
                by_stem[known] = max(by_stem.get(known, 0.0), weight)
            elif root not in self.lexicon and (near := self._nearest(word)) is not None:
                like, cosine = near
                place = self._stems[stem(like)]
                by_stem[place] = max(by_stem.get(place, 0.0), weight * cosine)
                for name, share in fields_of([stem(like)], self.lexicon).items():
                    field = self.fields[name]
                    by_field[field] = by_field.get(field, 0.0) + share * cosine
        return Query(by_stem, by_field)

    def _read(self, text: str) -> tuple[frozenset[str], Mapping[str, float]]:
        """The stems of a text and the fields they point to."""
        found = stems(text)
        return frozenset(found), fields_of(found, self.lexicon)

    def rarity(self, one: str) -> float:
        """How much a stem says in this directory; 0 if it does not occur."""
        place = self._stems.get(one)
        return 0.0 if place is None else float(self.idf[place])

    def _like(self, word: str) -> tuple[str, float] | None:
        """The known word that an unknown one is most like: somebody's typing error."""
        grams = _grams(word)
        here = Counter(self._grams[g] for g in grams if g in self._grams)
        if len(word) < 5 or not here:
            return None
        asked = {gram: count * float(self._gram_idf[gram]) for gram, count in here.items()}
        unknown = len(grams) - here.total()
        rare = float(self._gram_idf.max())
        length = (sum(weight**2 for weight in asked.values()) + unknown * rare**2) ** 0.5
        alike = _add(np.zeros(len(self._words), np.float32), self._word_grams, asked)
        alike /= self._word_length * np.float32(length)
        best = int(alike.argmax())
        return (self._words[best], float(alike[best])) if alike[best] >= CLOSE else None

    def parts(self, query: Query, rows: Rows) -> tuple[Floats, Floats]:
        """BM25 and fields of some profiles, in the order of their rows; `fused` joins them."""
        bm25, fields = np.zeros(self.size, np.float32), np.zeros(self.size, np.float32)
        _add(bm25, self._bm25, query.stems)
        _add(fields, self._held, query.fields)
        return (bm25, fields) if rows.size == self.size else (bm25[rows], fields[rows])

    def scores(self, queries: Sequence[Query], rows: Rows) -> Iterator[tuple[Floats, Floats]]:
        """The same for many wishes, one after the other."""
        parts = []
        for matrix, named in (
            (self._bm25, [query.stems for query in queries]),
            (self._held, [query.fields for query in queries]),
        ):
            at = [place for place, some in enumerate(named) for _ in some]
            columns = [column for some in named for column in some]
            values = [weight for some in named for weight in some.values()]
            asked = _matrix(at, columns, values, (len(queries), matrix.shape[1]))
            parts.append(sparse.csr_array(asked @ matrix.T).toarray()[:, rows])
        return zip(*parts, strict=True)


def fused(bm25: Floats, fields: Floats) -> Floats:
    """Relevance in [0, 1]: words and fields of work, each scaled by its best, 1 for the best.

    All zeros when nobody has to do with the wish.
    """
    total = np.zeros(len(bm25), np.float32)
    for part in (bm25, fields):
        best = part.max(initial=0.0)
        if best > 0:
            total += part / best
    top = total.max(initial=0.0)
    return total / top if top > 0 else total


def meant(text: str, synonyms: Mapping[str, tuple[str, ...]]) -> list[str]:
    """What the words of a text stand for; the programme's own words may be stop words here."""
    said = dict.fromkeys(_WORD.findall(fold(text[:MAX_QUERY])))
    by_word = {_key(word): instead for word, instead in synonyms.items()}
    return [one for word in islice(said, MAX_WORDS) for one in by_word.get(word, ())]


_key = lru_cache(maxsize=4_096)(fold)  # of the words of a programme's list


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
        self._kind = np.array([kinds.setdefault(text, len(kinds)) for text in texts], np.int32)
        self._kinds = len(kinds)
        rows: dict[str, list[int]] = {}
        fields: dict[str, list[int]] = {}
        for row, text in enumerate(kinds):
            held = frozenset(stems(text[:MAX_TEXT]))
            for one in held:
                rows.setdefault(one, []).append(row)
            for name in frozenset().union(*(lexicon.get(one, frozenset()) for one in held)):
                fields.setdefault(name, []).append(row)
        self._rows = {one: np.array(some, np.int32) for one, some in rows.items()}
        self._fields = {name: np.array(some, np.int32) for name, some in fields.items()}

    def nearness(self, value: str) -> Floats:
        """Share of the value's words that a text holds; at least half of it for the same field."""
        asked = list(dict.fromkeys(stems(value[:MAX_QUERY])))[:MAX_WORDS]
        column = np.zeros(self._kinds, np.float32)
        if not asked or not self._size:
            return np.zeros(self._size, np.float32)
        none = np.zeros(0, np.int32)
        held = [self._rows.get(one, none) for one in asked]
        rarity = [float(np.log1p(self._kinds / (1 + len(some)))) for some in held]
        for some, weight in zip(held, rarity, strict=True):
            column[some] += weight / sum(rarity)
        fields = fields_of(asked, self._lexicon)
        if fields:
            shared = np.zeros(self._kinds, np.float32)
            for name, share in fields.items():
                shared[self._fields.get(name, none)] += share / sum(fields.values())
            column = np.maximum(column, np.float32(0.5) * shared)
        return np.asarray(column[self._kind])
