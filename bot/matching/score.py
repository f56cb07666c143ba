"""The ranking: one weighted mean per profile, a few that differ, and the reasons for each.

Pure: the hard filters (consent, availability, a free place, no second refusal) are the database's
and arrive as `only` and `exclude`. The same wish, seed and directory give the same answer, whatever
the order of the rows and whatever the database.

Source: matching goals D (scoring model), A4 (choices are features, not text).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from bot.matching.features import WEIGHTS, Columns, Memo, Profile, Rules, Wish, tag
from bot.matching.load import Load, costs
from bot.matching.places import country, key
from bot.matching.reasons import Context, Reason, missing, reasons
from bot.matching.sense import FLOOR, Floats32, Meaning, Meanings, Sense
from bot.matching.text import (
    MAX_QUERY,
    NEGATED,
    Floats,
    Mask,
    Query,
    Rows,
    TextIndex,
    fold,
    fused,
    meant,
)
from bot.matching.ties import mixed

Ids = npt.NDArray[np.int64]

DEFAULT: Final = Rules()
SHORTLIST: Final = 50
W_WORDS: Final = 0.35
"""Share of the words beside the meaning (1), kept round: it is flat around its best."""
MOST: Final = 1_000
"""The best score of a matrix."""
FORBIDDEN: Final = -1
"""Of a pair that may not be, in a matrix."""
_BLOCK: Final = 256  # wishes at a time
_PARTS: Final = (("job", 1.0), ("sector", 1.0), ("employer", 1.0), ("bio", 1.0), ("topics", 1.0))
EVIDENCE: Final = 0.1
"""The best feature of somebody proposed has more: a few letters in common are no likeness."""
_NOT_ENOUGH: Final = frozenset({"help_kind", "promo_gap"})
"""What alone makes nobody fit: half the directory offers the same help."""
_UNSURE: Final = re.compile(
    r"\b(sais (?:vraiment |toujours )?(?:pas|plus|rien)|aucune idee|pas d'idee|don'?t know|no idea"
    r"|(?:suis|me sens)(?: un peu| completement| tout a fait)? perdue?s?|not sure|dunno"
    r"|n'importe quoi|peu importe|whatever)\b"
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Somebody to propose.

    Attributes:
        person_id: Whom.
        score: In [0, 1]; for staff's statistics and tests, never shown.
        reasons: One to three, each true of the public record.
        missing: What the mentee chose and this person does not offer.
    """

    person_id: int
    score: float
    reasons: tuple[Reason, ...]
    missing: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Wishes that were read once: for their scores, for the reasons of some pairs, and again.

    Attributes:
        wishes: One each.
        rules: The programme's.
        words: Their own words, with what the programme says they stand for.
        queries: The same as the index needs them.
        meaning: Their vectors; None: there is nothing to compare them with.
        memo: What these rules gave before.
    """

    wishes: Sequence[Wish]
    rules: Rules
    words: Sequence[str]
    queries: Sequence[Query]
    meaning: Floats32 | None
    memo: Memo = field(default_factory=dict)


def needs_human(text: str) -> Literal["unsure", "negated"] | None:
    """Whether a wish should not simply be searched: not knowing at all, or saying what not.

    No search here understands a negation, so a person or buttons must take it up.
    """
    plain = " ".join(fold(text[:MAX_QUERY]).split())
    if _UNSURE.search(plain):
        return "unsure"
    return "negated" if NEGATED.search(plain) else None


class Index:
    """A directory ready to be asked. Kept in memory by the caller; built anew when it changes.

    One index serves all programmes: what they set (`Rules`) is read at the time of asking.

    Args:
        profiles: Consenting people; each id once. Their order does not matter.
        sense: Compares meanings too; None: words alone.
        kept: Fresh vectors of the encoder, by person; who has none is ranked by words.
    """

    def __init__(
        self,
        profiles: Iterable[Profile],
        sense: Sense | None = None,
        kept: Mapping[int, Meaning] | None = None,
    ) -> None:
        self._profiles: Sequence[Profile] = sorted(profiles, key=lambda p: p.person_id)
        self._ids = np.array([p.person_id for p in self._profiles], np.int64)
        self._text = TextIndex(
            [(getattr(p, name), weight) for name, weight in _PARTS] for p in self._profiles
        )
        self._columns = Columns(self._profiles, self._text.lexicon)
        self._sense = sense
        self._meanings = None
        if sense is not None and kept:
            found = Meanings(self._profiles, kept)
            self._meanings = found if found.rows.size else None
        self._place = None  # row by id, where ids are dense enough for a table
        if self._ids.size and self._ids[0] >= 0 and self._ids[-1] < 8 * self._ids.size + 1_000:
            self._place = np.zeros(int(self._ids[-1]) + 1, np.int64)
            self._place[self._ids] = np.arange(self._ids.size)
        self._alike = _kinds(self._profiles, self._columns.home)
        self._content = np.array([_checksum(p) for p in self._profiles], np.int64)

    @classmethod
    def build(cls, profiles: Iterable[Profile]) -> Index:
        """The same as the constructor, by the name of what it does."""
        return cls(profiles)

    def __len__(self) -> int:
        return len(self._profiles)

    def propose(
        self,
        wish: Wish,
        exclude: Collection[int] = (),
        n: int = 3,
        only: Collection[int] | Ids | None = None,
        *,
        rules: Rules = DEFAULT,
        meaning: Floats32 | None = None,
        loads: Mapping[int, Load] | None = None,
    ) -> list[Suggestion]:
        """The people to propose: they fit, and they differ from each other.

        Args:
            wish: What the mentee wants; with nothing in it that the directory knows, nobody comes.
            exclude: Ids not to propose.
            n: How many at most.
            only: Ids that may be proposed now (`Directory.eligible`); none = all.
            rules: The programme's.
            meaning: The wish's vector, when it is known already.
            loads: What people carry; who is not named carries nothing.
        """
        scored = self._score(wish, exclude, only, rules, meaning, loads)
        order = self._order(scored, max(n, SHORTLIST), rules.threshold, EVIDENCE)
        places = self._varied(scored, order, n, rules.variety)
        return [self._suggest(scored, place) for place in places]

    def rank(
        self,
        wish: Wish,
        top: int,
        exclude: Collection[int] = (),
        only: Collection[int] | Ids | None = None,
        *,
        rules: Rules = DEFAULT,
        meaning: Floats32 | None = None,
        loads: Mapping[int, Load] | None = None,
    ) -> list[Suggestion]:
        """The best by score alone, as many as asked even if little speaks for the last ones."""
        scored = self._score(wish, exclude, only, rules, meaning, loads)
        order = self._order(scored, top, 0.0, 0.0)
        return [self._suggest(scored, int(place)) for place in order]

    def meaning(self, wishes: Sequence[Wish]) -> Floats32 | None:
        """The vectors of wishes; None when there is nothing to compare them with."""
        if self._sense is None or self._meanings is None:
            return None
        return self._sense.wishes([wish.words for wish in wishes])

    def unread(self, wishes: Sequence[Wish]) -> int:
        """How many wishes would have to be encoded before they can be compared."""
        if self._sense is None or self._meanings is None:
            return 0
        return sum(not self._sense.remembers(wish.words) for wish in wishes)

    def ask(
        self,
        wishes: Sequence[Wish],
        *,
        rules: Rules = DEFAULT,
        meaning: Floats32 | None = None,
    ) -> Asked:
        """Read wishes that are to be compared with many people, perhaps several times.

        Args:
            wishes: Each of them encoded once in the life of the encoder, or nearly so.
            rules: The programme's.
            meaning: Their vectors, when they are known already.
        """
        some = [wish.words for wish in wishes]
        if meaning is None and self._sense is not None and self._meanings is not None:
            meaning = self._sense.remembered(some)
        instead = [meant(text, rules.synonyms) for text in some]
        queries = [self._text.query(text, more) for text, more in zip(some, instead, strict=True)]
        said = ["\n".join([text, *more]) for text, more in zip(some, instead, strict=True)]
        return Asked(wishes, rules, said, queries, meaning)

    def matrix(
        self,
        asked: Asked,
        only: Sequence[int],
        *,
        barred: Mapping[int, Collection[int]] | None = None,
    ) -> npt.NDArray[np.int16]:
        """How well everybody fits every wish: the scores of `rank`, times `MOST`.

        Who offers the wanted kind of help and nothing else that was asked for has no points.

        Args:
            asked: One row for each wish.
            only: Ids, one column each; who is not in the index may not be paired.
            barred: Row of a wish → ids that may not be paired with it.

        Returns:
            0 to `MOST`, or `FORBIDDEN`.
        """
        ids = np.asarray(only, np.int64)
        found = np.full((len(asked.wishes), ids.size), FORBIDDEN, np.int16)
        here = np.flatnonzero(np.isin(ids, self._ids))
        here = here[np.argsort(ids[here])]  # scaled and added up in the order of the index
        rows = np.searchsorted(self._ids, ids[here])
        if not rows.size:
            return found
        for at, keep, text in self._texts(asked, range(len(asked.wishes)), rows, barred or {}):
            columns = self._features(asked.wishes[at], asked.rules, rows[keep], text, asked.memo)
            total, evidence, weights = _weighed(columns, asked.rules, text.size)
            if weights.get("promo_gap"):
                evidence = np.maximum(evidence, columns["promo_gap"])
            total[evidence <= 0] = 0
            found[at, here[keep]] = np.rint(total * MOST).astype(np.int16)
        return found

    def explain(self, asked: Asked, pairs: Sequence[tuple[int, int]]) -> list[Suggestion]:
        """What speaks for the person of each pair and what is missing, seen among all.

        Args:
            asked: The wishes.
            pairs: Row of a wish, and an id.

        Raises:
            KeyError: Nobody of that id is here, or they share no language.
        """
        everybody = np.arange(len(self._ids))
        people: dict[int, list[int]] = {}
        for at, person in pairs:
            people.setdefault(at, []).append(person)
        found: dict[tuple[int, int], Suggestion] = {}
        for at, keep, text in self._texts(asked, list(people), everybody, {}):
            wish, rows = asked.wishes[at], everybody[keep]
            columns = self._features(wish, asked.rules, rows, text, asked.memo)
            total, evidence, weights = _weighed(columns, asked.rules, rows.size)
            home = self._columns.home
            context = Context(wish, asked.rules, self._text, asked.words[at], home)
            meaning = None if asked.meaning is None else asked.meaning[at]
            scored = _Scored(rows, total, evidence, columns, weights, context, meaning)
            for person in people[at]:
                places = np.flatnonzero(self._ids[rows] == person)
                if not places.size:
                    raise KeyError(person)
                found[at, person] = self._suggest(scored, int(places[0]))
        return [found[pair] for pair in pairs]

    # --- inside ---------------------------------------------------------------------------------

    def _rows(self, only: Collection[int] | Ids | None) -> Rows:
        """The rows of some ids, in order."""
        size = len(self._ids)
        if only is None or not size:
            return np.arange(size)
        wanted = _array(only)
        if self._place is None:
            at = np.minimum(np.searchsorted(self._ids, wanted), size - 1)
        else:
            at = self._place[np.clip(wanted, 0, self._place.size - 1)]
        mask = np.zeros(size, bool)
        mask[at[self._ids[at] == wanted]] = True
        return np.flatnonzero(mask)

    def _kept(self, wish: Wish, rows: Rows, barred: Collection[int]) -> Mask | slice:
        """Which of some rows may be paired with a wish; all of them: no copy."""
        mask: Mask | slice = slice(None)
        if len(barred):
            mask = ~np.isin(self._ids[rows], _array(barred))
        if wish.language:
            speaking = self._columns.speaking(wish.language)[rows]
            mask = speaking if isinstance(mask, slice) else mask & speaking
        return mask

    def _texts(
        self,
        asked: Asked,
        wanted: Sequence[int],
        rows: Rows,
        barred: Mapping[int, Collection[int]],
    ) -> Iterator[tuple[int, Mask | slice, Floats]]:
        """For each of some wishes: which of the rows may be, and how near their texts come."""
        for start in range(0, len(wanted), _BLOCK):
            block = wanted[start : start + _BLOCK]
            meaning = None if asked.meaning is None else asked.meaning[block]
            words = self._text.scores([asked.queries[at] for at in block], rows)
            for at, (bm25, fields), cosines in zip(
                block, words, self._near(meaning, rows), strict=False
            ):
                keep = self._kept(asked.wishes[at], rows, barred.get(at, ()))
                near = None if cosines is None else cosines[keep]
                yield at, keep, self._fuse(bm25[keep], fields[keep], near, rows[keep])

    def _near(self, meaning: Floats32 | None, rows: Rows) -> Iterable[Floats | None]:
        """The cosines of a few wishes, one after the other; None for each without."""
        if meaning is None or self._meanings is None:
            return repeat(None)
        whole = rows.size == len(self._meanings.vectors)
        vectors = self._meanings.vectors if whole else self._meanings.vectors[rows]
        return np.asarray(meaning @ vectors.T)

    def _fuse(self, bm25: Floats, fields: Floats, cosines: Floats | None, rows: Rows) -> Floats:
        """Words and meaning, each scaled over those who may be proposed."""
        by_words = fused(bm25, fields)
        if cosines is None or self._meanings is None:
            return by_words
        known = self._meanings.known[rows]
        whole = bool(known.all())
        some = cosines if whole else cosines[known]
        best = float(some.max(initial=0.0))
        if best < FLOOR:
            return by_words
        middle = float(np.partition(some, some.size // 2)[some.size // 2])
        near = np.clip((cosines - np.float32(middle)) / np.float32(best - middle + 1e-6), 0, 1)
        total = (np.float32(W_WORDS) * by_words + near) / np.float32(W_WORDS + 1)
        if not whole:
            total = np.where(known, total, by_words)
        return np.asarray(total / total.max())

    def _features(
        self, wish: Wish, rules: Rules, rows: Rows, text: Floats, memo: Memo
    ) -> dict[str, Floats]:
        found = self._columns.features(wish, rules, memo)
        columns = {
            name: column if rows.size == column.size else column[rows]
            for name, column in found.items()
        }
        if text.any():
            columns["text"] = text
        return columns

    def _score(
        self,
        wish: Wish,
        exclude: Collection[int],
        only: Collection[int] | Ids | None,
        rules: Rules,
        meaning: Floats32 | None,
        loads: Mapping[int, Load] | None,
    ) -> _Scored:
        rows = self._rows(only)
        rows = rows[self._kept(wish, rows, exclude)]
        if meaning is None and (found := self.meaning([wish])) is not None:
            meaning = found[0]
        cosines = None
        if meaning is not None and self._meanings is not None and meaning.any():
            cosines = self._meanings.cosines(meaning, rows)
        own = wish.words
        instead = meant(own, rules.synonyms)
        query = self._text.query(own, instead)
        text = self._fuse(*self._text.parts(query, rows), cosines, rows)
        columns = self._features(wish, rules, rows, text, {})
        total, evidence, weights = _weighed(columns, rules, rows.size)
        said = "\n".join([own, *instead])
        context = Context(wish, rules, self._text, said, self._columns.home)
        scored = _Scored(rows, total, evidence, columns, weights, context, meaning)
        return self._loaded(scored, loads) if loads else scored

    def _loaded(self, scored: _Scored, loads: Mapping[int, Load]) -> _Scored:
        """The same, with what it costs to be asked once more, and who was shown often."""
        rules, ids = scored.context.rules, self._ids[scored.rows]
        known = np.fromiter(loads, np.int64, len(loads))
        carried = np.array([tuple(load) for load in loads.values()], np.float64)
        at = np.searchsorted(ids, known)
        here = at < ids.size
        here[here] = ids[at[here]] == known[here]
        at, carried = at[here], carried[here]
        standing, often = scored.total.copy(), np.zeros(ids.size, bool)
        standing[at] -= costs(rules.penalties, carried[:, 0]).astype(np.float32) / 100
        often[at] = (carried[:, 1] >= rules.exposure_max) & (rules.exposure_max > 0)
        return replace(scored, standing=standing, often=often if often.any() else None)

    def _order(
        self, scored: _Scored, top: int, threshold: float, evidence: float
    ) -> npt.NDArray[np.int64]:
        """Places over the threshold for which something telling speaks, best first."""
        total = scored.total
        places = np.flatnonzero((total >= threshold) & (total > 0) & (scored.evidence > evidence))
        standing = total if scored.standing is None else scored.standing
        # who was shown often comes after equals, and equal is what a point of 100 does not part
        level = standing if scored.often is None else np.rint(100 * standing)
        if 0 < top < places.size:
            least = np.partition(level[places], places.size - top)[places.size - top]
            places = places[level[places] >= least]
        often = () if scored.often is None else (scored.often[places],)
        rows = scored.rows[places]
        seed = scored.context.rules.seed
        ids = self._ids[rows]
        ties = (ids, mixed(ids, seed), mixed(self._content[rows], seed))
        order = np.lexsort((*ties, -standing[places], *often, -level[places]))
        return np.asarray(places[order[: max(top, 0)]])

    def _varied(
        self, scored: _Scored, order: npt.NDArray[np.int64], n: int, variety: float
    ) -> list[int]:
        """Maximal marginal relevance: the best first, then what fits and is not the same again."""
        total = (scored.total if scored.standing is None else scored.standing)[order]
        kinds = self._alike[scored.rows[order]]
        like = np.zeros(order.size, np.float32)
        taken: list[int] = []
        free = np.ones(order.size, bool)
        while free.any() and len(taken) < n:
            gains = np.where(free, (1 - variety) * total - variety * like, -np.inf)
            one = int(np.argmax(gains))  # the first of equals: the better ranked
            free[one] = False
            taken.append(int(order[one]))
            same = (kinds == kinds[one]) & (kinds[one] != 0)
            like = np.maximum(like, same @ _LIKENESS)
        return taken

    def _suggest(self, scored: _Scored, place: int) -> Suggestion:
        row = int(scored.rows[place])
        profile = self._profiles[row]
        values = {name: float(column[place]) for name, column in scored.columns.items()}
        parts = {name: weight * values[name] for name, weight in scored.weights.items()}

        def clause() -> tuple[int, float] | None:
            if scored.meaning is None or self._meanings is None:
                return None
            return self._meanings.best_clause(row, scored.meaning)

        return Suggestion(
            profile.person_id,
            float(scored.total[place]),
            tuple(reasons(profile, scored.context, parts, clause)),
            tuple(missing(scored.context.wish, values)),
        )


def _array(ids: Collection[int] | Ids) -> Ids:
    return ids if isinstance(ids, np.ndarray) else np.fromiter(ids, np.int64, len(ids))


_LIKENESS: Final = np.array([0.5, 0.25, 0.25], np.float32)


def _kinds(profiles: Sequence[Profile], home: str) -> npt.NDArray[np.int32]:
    """Sector, structure and country abroad of each as numbers; 0 for none."""
    codes: dict[tuple[int, str], int] = {}

    def code(column: int, value: str) -> int:
        return codes.setdefault((column, value), len(codes) + 1) if value else 0

    found = np.zeros((len(profiles), 3), np.int32)
    for row, p in enumerate(profiles):
        abroad = country(p.country)
        found[row] = (
            code(0, key(p.sector)),
            code(1, tag(p.structure)),
            code(2, abroad if abroad != home else ""),
        )
    return found


def _checksum(p: Profile) -> int:
    """Tells people apart by what they wrote, whatever their number: for ties."""
    text = "\0".join([str(p.promo), p.job, p.employer, p.sector, p.city, p.country, p.bio])
    return zlib.crc32(text.encode("utf-8", "ignore"))


def _weighed(
    columns: Mapping[str, Floats], rules: Rules, size: int
) -> tuple[Floats, Floats, Mapping[str, float]]:
    """The weighted mean, the best of what is telling, and the weights."""
    weights = {name: rules.weights.get(name, WEIGHTS[name]) for name in sorted(columns)}
    total, evidence = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for name, weight in weights.items():
        total += np.float32(weight) * columns[name]
        if name not in _NOT_ENOUGH:
            np.maximum(evidence, columns[name], out=evidence)
    total /= np.float32(sum(weights.values()) or 1.0)
    return np.round(total, 5), evidence, weights


@dataclass(frozen=True, slots=True)
class _Scored:
    rows: Rows
    total: Floats
    evidence: Floats
    columns: Mapping[str, Floats]
    weights: Mapping[str, float]
    context: Context
    meaning: Floats32 | None
    standing: Floats | None = None
    often: Mask | None = None
