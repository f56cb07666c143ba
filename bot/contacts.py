"""Finding what would lead two people out of the bot: numbers, addresses, accounts, « viens sur … ».

A pure reading of one text, or of a few that follow each other. It knows the ways French people
write such things, also when they hide them: spelled, spaced, in figures of another script,
« arobase ». It prefers holding a harmless line to letting one through, and refuses to know who
writes to whom and what is done with what it found.

Source: quality rules, section 4 (contact data between a minor and an adult), P4.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

BLOT: Final = "▒▒▒"
_IN_PARTS: Final = frozenset({"phone", "email", "link", "address"})


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """A part of a text: from `start` to before `end`, and what it looks like.

    Attributes:
        start: Index of its first character.
        end: Index after its last one.
        kind: phone, email, link, account, address or elsewhere (asking for one, or to move off).
    """

    start: int
    end: int
    kind: str


def find(text: str) -> tuple[Spot, ...]:
    """The parts of a text that would put two people in touch outside, in their order."""
    plain, places = _plain(text)
    spots = {
        Spot(places[start], places[end - 1] + 1, kind)
        for start, end, kind in _all(plain, text, places)
        if end > start
    }
    return tuple(sorted(spots))


def across(earlier: Sequence[str], text: str) -> tuple[Spot, ...]:
    """The parts of a text that put two people in touch only together with those before it.

    A number in three letters, an address in two. What an earlier text held by itself is not
    found again.

    Args:
        earlier: What the same person wrote just before, oldest first.
        text: What they write now.

    Returns:
        Parts of `text`, in their order.
    """
    before = "".join(f"{one}\n" for one in earlier)
    known = {spot.start for spot in find(before)}
    spots = {
        Spot(0, spot.end - len(before), spot.kind)
        for spot in find(before + text)
        if spot.start < len(before) < spot.end
        and spot.start not in known
        and spot.kind in _IN_PARTS
    }
    return tuple(sorted(spots | set(_dialled_across(earlier, text))))


def blot(text: str, spots: Iterable[Spot]) -> str:
    """The text with these parts made unreadable."""
    kept: list[str] = []
    at = 0
    for spot in sorted(spots):
        if spot.start > at or not kept:
            kept.append(text[at : spot.start])
            kept.append(BLOT)
        at = max(at, spot.end)
    kept.append(text[at:])
    return "".join(kept)


# --- one spelling ---------------------------------------------------------------------------------

_APART: Final = frozenset("\ufe0f\u20e3\u200b\u200c\u200d\u2060\u00ad")  # inside emoji; invisible
_SAME: Final = {"’": "'", "\u2018": "'", "œ": "oe", "æ": "ae", "–": "-", "—": "-", "\u2011": "-"}


def _plain(text: str) -> tuple[str, list[int]]:
    """The text in small letters without accents, and for each character where it came from."""
    plain: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        if char in _APART:
            continue
        digit = unicodedata.decimal(char, None)
        said = str(digit) if digit is not None else _SAME.get(char)
        if said is None:
            folded = unicodedata.normalize("NFKD", char).casefold()
            said = "".join(c for c in folded if not unicodedata.combining(c))
            said = " " if said.isspace() else said
        plain.append(said)
        places += [place] * len(said)
    return "".join(plain), places


_Found = tuple[int, int, str]


def _all(plain: str, text: str, places: Sequence[int]) -> Iterable[_Found]:
    yield from _phones(plain)
    yield from _matches(plain)
    yield from _streets(plain, text, places)
    close, back = _closed_up(plain)
    if close != plain:
        for start, end, kind in (*_phones(close), *_matches(close)):
            yield back[start], back[end - 1] + 1, kind


_SPELLED: Final = re.compile(
    r"(?<![^\W_])(?:[^\W_]|[@.:/_-])(?: (?:[^\W_]|[@.:/_-])(?![^\W_])){4,}"
)


def _closed_up(plain: str) -> tuple[str, list[int]]:
    """`l e a @ e x` as `lea@ex`, and for each character where it stood."""
    drop: set[int] = set()
    for run in _SPELLED.finditer(plain):
        drop.update(n for n in range(run.start(), run.end()) if plain[n] == " ")
    kept = [n for n in range(len(plain)) if n not in drop]
    return "".join(plain[n] for n in kept), kept


# --- telephone numbers ----------------------------------------------------------------------------

_UNITS: Final = {
    "zero": 0, "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6,
    "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "onze": 11, "douze": 12, "treize": 13,
    "quatorze": 14, "quinze": 15, "seize": 16,
}  # fmt: skip
_TENS: Final = {
    "vingt": 20, "vingts": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60,
    "septante": 70, "octante": 80, "huitante": 80, "nonante": 90,
}  # fmt: skip
_DATE = re.compile(
    r"(?<![\d/.])(?:0?[1-9]|[12]\d|3[01])([/.])(?:0?[1-9]|1[0-2])(?:\1(?:20)?\d\d)?(?![\d]|[/.]\d)"
)
_HOUR = re.compile(r"\b\d{1,2} ?(?:h|:)(?: ?\d\d(?!\d))?(?![a-z])")
_TOKEN = re.compile(r"\+|[oli]?\d[\doli]*|[a-z]+|[^a-z\d]")
_JOINING: Final = frozenset(
    ("puis", "tiret", "et", "point", "slash", "espace", "apres", "ensuite", "encore", "enfin")
)
_BETWEEN: Final = frozenset(" .-/,_*():'\"+«»|\u202f;·")
_LETTERS: Final = str.maketrans("oli", "011")


@dataclass(frozen=True, slots=True)
class _Group:
    """Digits said in one breath, and where."""

    digits: str
    start: int
    end: int
    plus: bool = False


def _masked(plain: str) -> str:
    """Without its dates and hours."""
    for mask in (_DATE, _HOUR):
        plain = mask.sub(lambda m: "~" * len(m[0]), plain)
    return plain


def _phones(plain: str) -> Iterable[_Found]:
    plain = _masked(plain)
    about = _ABOUT_PHONE.search(plain) is not None
    for run in _runs(plain):
        found = _number(run, about=about)
        if found is not None:
            yield run[found[0]].start, run[found[1] - 1].end, "phone"


def _dialled_across(earlier: Sequence[str], text: str) -> Iterable[Spot]:
    """Digits said in several texts, whatever is said between them, that can be dialled."""
    groups: list[tuple[bool, _Group]] = []
    for part in (*earlier, text):
        plain, _ = _plain(part)
        groups += [(part is text, group) for run in _runs(_masked(plain)) for group in run]
    _, places = _plain(text)
    for first, (last_text, group) in enumerate(groups):
        if last_text:
            break
        for last in range(first + 1, min(first + _LONGEST, len(groups))):
            run = [one for _, one in groups[first : last + 1]]
            digits = "".join(one.digits for one in run)
            if groups[last][0] and _dials(digits, run, plus=group.plus):
                now = [one for here, one in groups[first : last + 1] if here]
                yield Spot(places[now[0].start], places[now[-1].end - 1] + 1, "phone")
                return


def _number(run: Sequence[_Group], *, about: bool) -> tuple[int, int] | None:
    """The groups, from and to before, that can be dialled; of a number from abroad all of them."""
    for first, group in enumerate(run):
        digits = ""
        found: tuple[int, int] | None = None
        for last in range(first, len(run)):
            digits += run[last].digits
            if len(digits) > _LONGEST:
                break
            if _dials(digits, run[first : last + 1], plus=group.plus):
                found = first, last + 1
        if found is not None:
            return found
    whole = "".join(group.digits for group in run)
    if about and len(whole) >= _PART and whole[0] in "067" and len(run) < _LONGEST:
        return 0, len(run)
    return None


_LONGEST: Final = 15  # E.164
_PART: Final = 6
_FRENCH: Final = 10
_ABROAD: Final = 9


def _dials(digits: str, groups: Sequence[_Group], *, plus: bool) -> bool:
    if plus or (digits.startswith("00") and digits[2:3] not in ("", "0")):
        return len(digits) >= _ABROAD
    if len(digits) == _FRENCH and digits[0] == "0" and digits[1] != "0":
        return len(groups) <= _FRENCH
    if len(digits) == _FRENCH - 1 and digits[0] in "67":  # the zero was left out
        return [len(g.digits) for g in groups] in ([1, 2, 2, 2, 2], [9], [3, 3, 3])
    return False


def _runs(plain: str) -> Iterable[list[_Group]]:
    """Groups of digits, in figures or words, with nothing but a breath between them."""
    tokens = list(_TOKEN.finditer(plain))
    run: list[_Group] = []
    plus = False
    sign = 0  # where it stands
    at = 0
    while at < len(tokens):
        token = tokens[at]
        word = token[0]
        if word == "+":
            if run:
                yield run
            run, plus, sign = [], True, token.start()
        elif word[-1].isdigit() or (word[0] in "oli" and any(c.isdigit() for c in word)):
            start = sign if plus else token.start()
            run.append(_Group(word.translate(_LETTERS), start, token.end(), plus))
            plus = False
        elif (said := _said(tokens, at)) is not None:
            number, after = said
            start = sign if plus else token.start()
            run.append(_Group(str(number), start, tokens[after - 1].end(), plus))
            plus = False
            at = after
            continue
        elif not (run or plus) or (word not in _JOINING and word not in _BETWEEN):
            if run:
                yield run
            run, plus = [], False
        at += 1
    if run:
        yield run


def _said(tokens: Sequence[re.Match[str]], at: int) -> tuple[int, int] | None:
    """A number of two figures in words at most, and the token after it: `quatre-vingt-dix-huit`."""
    word = tokens[at][0]
    if word in _TENS:
        number, after = _TENS[word], at + 1
    elif word == "quatre" and (step := _next(tokens, at + 1, _TENS)) and _TENS[step[0]] == 20:
        number, after = 80, step[1]
    elif word in _UNITS:
        number, after = _UNITS[word], at + 1
        if number == 10 and (step := _next(tokens, after, _UNITS)) and 7 <= _UNITS[step[0]] <= 9:
            return number + _UNITS[step[0]], step[1]
        return number, after
    else:
        return None
    step = _next(tokens, after, _UNITS)
    if step is None:
        return number, after
    unit, end = _UNITS[step[0]], step[1]
    teens = number in (60, 80)
    if unit == 10 and teens and (more := _next(tokens, end, _UNITS)) and 7 <= _UNITS[more[0]] <= 9:
        return number + 10 + _UNITS[more[0]], more[1]
    if 0 < unit < 10 or (teens and 10 <= unit <= 16):
        return number + unit, end
    return number, after


def _next(
    tokens: Sequence[re.Match[str]], at: int, among: dict[str, int]
) -> tuple[str, int] | None:
    """The number word that follows directly, after a space, a hyphen or « et »."""
    if at < len(tokens) and tokens[at][0] in " -":
        if at + 2 < len(tokens) and tokens[at + 1][0] == "et" and tokens[at + 2][0] in " -":
            at += 2
        if at + 1 < len(tokens) and tokens[at + 1][0] in among:
            return tokens[at + 1][0], at + 2
    return None


# --- everything with a shape of its own -----------------------------------------------------------

_APPS = (
    r"(?:insta(?:gram)?|snap(?:chat)?|w(?:h)?ats? ?app?|wapp|wsp|discord|disc|messenger|telegram"
    r"|tik ?tok|face ?book|fb|linked ?in|skype|twitter|twitch|be ?real|viber|steam|roblox|fortnite"
    r"|minecraft|playstation|xbox|signal|wechat|threads|reddit|pinterest|youtube|zoom|ig|sc|ws|x)"
)
_CERTAIN = _APPS.replace("|signal", "").replace("|youtube", "").replace("|x)", ")")
_BOXES = r"(?:g ?mail|hotmail|outlook|yahoo|wanadoo|la ?poste\.net|proton ?mail|icloud)"
_MINE = r"\b(?:mon|ma|mes|ton|ta|tes|votre|vos|son|notre)\b"
_WAY = (
    r"(?:num(?:ero)?s?|tel(?:ephone)?|portable|mobile|fixe|0[67]|zero six|zero sept"
    r"|e?-?mails?|mel|courriel|adresses?|contacts?|coordonnees)"
)
_ABOUT_PHONE = re.compile(
    r"\b(?:num(?:ero)?|tel(?:ephone)?|portable|mobile|fixe|sms|textos?|appell?e\w*|joi(?:ndre"
    r"|gnable)"
    r"|06|07|zero (?:six|sept)|whatsapp)\b"
)
_TLD = (
    r"(?:com|fr|net|org|eu|io|info|be|ch|app|xyz|gg|me|ly|ee|tv|co|dev|link|online|site|shop|blog)"
)
_SURE_TLD = r"(?:com|fr|net|org|eu|io|info|app|xyz|gg|dev|link|online|shop|blog)"

_SHAPES: Final[tuple[tuple[str, str], ...]] = (
    # addresses of messages
    ("email", r"[\w.+-]{1,64} ?@ ?[\w-]{1,64}(?: ?\. ?[a-z]{2,9})*"),
    ("email", r"(?:\S{1,64} )?[(\[{<«\"] ?(?:at|a|@|chez|arobase) ?[)\]}>»\"] ?\S*"),
    ("email", r"(?:\S{1,64} )?\ba[- ]?rr?o[- ]?b+a(?:se?|z|ze)\b(?: \S+)?"),
    ("email", r"\S{1,64} at \S{1,64} dot \S{1,16}"),
    ("email", r"\b(?:dot|point) (?:com|fr|net|org|eu|io|be|ch)\b"),
    ("email", r"[\w-]{1,64}(?: ?[(\[] ?(?:point|dot|\.) ?[)\]] ?[\w-]+)+"),
    (
        "email",
        r"(?:\b(?:chez|sur|mon|ma|ton|avec|boite|adresse|via)\b\W+"
        rf"(?:\w+\W+){{0,2}}){_BOXES}\b",
    ),
    ("email", rf"{_BOXES}(?:\.\w+| ?:)"),
    # links
    ("link", r"\bh ?t ?t ?p ?s? ?:? ?/ ?/ ?\S+"),
    ("link", r"\bwww ?\. ?\S+"),
    (
        "link",
        rf"(?<![@\w])(?!(?:asp|vb|ado)\.net)[a-z0-9-]{{2,63}}"
        rf"(?:\.[a-z0-9-]{{1,63}}){{0,4}}\.{_SURE_TLD}\b(?:/\S*)?",
    ),
    ("link", rf"(?<![@\w])[a-z0-9-]{{1,63}}(?:\.[a-z0-9-]{{1,63}}){{0,4}}\.{_TLD}/\S+"),
    ("link", r"\b(?:qr|flash) ?-?codes?\b"),
    # accounts
    ("account", r"(?<![\w@])@ ?[a-z0-9_.]{3,}"),
    ("account", r"\b[\w.-]{2,32}#\d{4}\b"),
    ("account", r"\bx{1,3}_\w+|\bgamer ?tag\b|\bcodes? amis?\b"),
    (
        "account",
        rf"{_MINE} (?:(?:vrai|pseudo|compte|nom|profil|tag|id|identifiant|lien"
        rf"|serveur) ){{0,2}}(?:(?:sur|de|d'|chez) ?)?{_APPS}\b",
    ),
    (
        "account",
        rf"{_MINE} (?:vrai )?(?:pseudo|tag|@|identifiant)(?: (?:c'est|est|sur)\b| ?[:=]|\W*$)",
    ),
    (
        "account",
        r"\b(?:t'as|tu as|as[- ]tu|vous avez|avez[- ]vous|tu es|t'es|es[- ]tu|etes[- ]vous"
        rf"|je suis|j'ai) (?:pas )?(?:un compte |aussi |sur |un |toi aussi )*{_CERTAIN}\b",
    ),
    (
        "account",
        r"\b(?:ajout|rejoin|trouv|retrouv|cherch|contact|suis|suiv|follow|envoi|texte|dm|mp"
        r"|repond|joi)\w*(?:[- ](?:moi|nous|me|te|toi))?"
        rf"(?:[ ,]+[\w']+){{0,4}}[ ,]+{_CERTAIN}\b",
    ),
    (
        "account",
        r"\b(?:vien[st]|venez|passe\w*|passons|bouge\w*|continu\w*|parl\w*|discut\w*|ecri\w*"
        rf"|appell?e\w*|voi[rt]|capte|rdv)(?: [\w'-]+){{0,4}} (?:par|sur|via|en|avec) (?:la "
        rf"|le |l'|mon |ton )?{_APPS}\b",
    ),
    (
        "account",
        r"\b(?:prefere|plutot|mieux|simple|vite|connais|passer)\b"
        rf"(?:[ ,]+[\w']+){{0,3}}[ ,]+{_CERTAIN}\b",
    ),
    (
        "account",
        rf"\b{_CERTAIN}(?:[ ,]+[\w']+){{0,3}}[ ,]+(?:plutot|franchement|mieux|plus (?:simple"
        r"|vite|rapide))\b",
    ),
    ("account", rf"\b{_CERTAIN} ?[:=?] ?\S*"),
    ("account", rf"\b{_CERTAIN} [a-z]{{1,32}}[\d_.][\w.]*"),
    ("account", rf"\bsur {_CERTAIN}(?: aussi)?,? (?:je suis|c'est|sous|cherche)\b"),
    (
        "account",
        rf"\b[a-z]{{0,32}}[\d_]\w{{0,32}} (?:sur|on) (?:la |le )?(?:{_CERTAIN}|play)\b",
    ),
    (
        "account",
        r"\bajoute[zsr]?[- ](?:moi|nous)\b|\b(?:on|s)[' ]?(?:s')?ajoute\b|\bt'ai ajoutee?\b",
    ),
    ("account", r"\b(?:messages?|mp|dm) prives?\b|\b(?:en|par) (?:mp|dm|prive)\b"),
    (
        "account",
        r"\b(?:retrouv|trouv|ajout|suis|suiv|es|etes)\w*(?: [\w'-]+){0,3} (?:sur )?(?:les"
        r"|quels|mes|tes) reseaux(?: sociaux)?\b(?! (?:elec|tele|d'eau|de ))",
    ),
    # asking for one, giving one, moving off
    (
        "elsewhere",
        rf"\b(?:mon|ma|mes) (?:\w+ )?{_WAY}(?: (?!de)\w+){{0,3}}(?: (?:c'est|est|sont|finit"
        r"|commence)\b| ?[:=])",
    ),
    (
        "elsewhere",
        r"\b(?:voici|voila|laisse\w*|donn\w*|fil\w*|pass\w*|envoi\w*|note\w*|trouver\w*"
        rf"|echang\w*|avoir|prend\w*)(?: [\w']+){{0,3}} (?:mon|mes|ton|tes|votre|vos|nos|son"
        rf"|un) {_WAY}\b",
    ),
    (
        "elsewhere",
        r"\b(?:ton|votre|tes|vos) (?:num(?:ero)?|06|07|zero six|e?-?mails?|mel|adresse"
        r"|coordonnees|insta|snap)\b(?! (?:de (?:salle|classe|candidat|dossier|convention)))",
    ),
    (
        "elsewhere",
        r"\b(?:le|mon|ton|un|comme|son) num\b|\bmon tel\b|\bmon 0[67]\b|\bmes coordonnees\b",
    ),
    (
        "elsewhere",
        r"\b(?:t'as|tu as|as[- ]tu|vous avez|avez[- ]vous) (?:un|une) (?:e?-?mail|adresse"
        r"|numero|tel|portable)\b",
    ),
    ("elsewhere", r"\b(?:r?appelle|telephone|texte|joins|contacte)[- ](?:moi|nous)\b"),
    ("elsewhere", r"\b(?:on|nous) (?:s'|se |nous )(?:r?appel|telephon|texte)\w*"),
    (
        "elsewhere",
        r"\b(?:parl|ecri|discut|continu|pass|boug|vien|ven|retrouv|echang|appel|vo[iy])\w*\b"
        r"(?: [\w'-]+){0,6}[ ,]+(?:ailleurs|en dehors d(?:'ici|u (?:robot|bot)|e (?:ce|cette"
        r"|cordee|slack|l'appli)\w*)|hors d(?:'ici|u (?:robot|bot))|en direct|en prive"
        r"|directement|(?:une|d')? ?autre (?:appli\w*|messagerie|plateforme|reseau|tchat"
        r"|chat))\b",
    ),
    ("elsewhere", r"\bsans passer par\b|\ben direct plutot\b"),
    (
        "elsewhere",
        r"\b(?:ne le dis|n'en parle|ne dis rien|le dis pas|en parle pas|parle-en pas"
        r"|garde\w* (?:ca|le) (?:pour|secret)|notre (?:petit )?secret)\b",
    ),
    ("elsewhere", r"\bcherche\w* (?:mon|son) nom\b"),
    (
        "elsewhere",
        r"\b(?:vien|pass|ven|voi|rdv|rendez-vous|retrouv|dor)\w*(?: [\w',-]+){0,4} (?:chez "
        r"(?:moi|toi)|a (?:la|ma) maison)\b",
    ),
    (
        "elsewhere",
        r"\b(?:tu|vous) (?:habites?|habitez|vis|vivez) (?:ou|dans quelle)\b|\bou "
        r"(?:est-ce que )?(?:tu habites|habites-tu|vous habitez|habitez-vous)(?: exact"
        r"|,? quelle)",
    ),
    ("elsewhere", r"\b(?:venir|viens|passe) te (?:chercher|prendre)\b"),
    ("address", r"\bmon adresse(?: \w+)? ?(?:c'est|est|:)"),
)
_COMPILED: Final = tuple((kind, re.compile(pattern)) for kind, pattern in _SHAPES)


def _matches(plain: str) -> Iterable[_Found]:
    for kind, pattern in _COMPILED:
        for found in pattern.finditer(plain):
            yield found.start(), found.end(), kind


# --- streets --------------------------------------------------------------------------------------

_HOUSE = (
    r"(?:\d{1,4}|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze"
    r"|seize|vingt(?:[- ]\w+){0,2}|trente(?:[- ]\w+){0,2})"
)
_ROAD = (
    r"(?:r\.|rue|avenue|av\.?|boulevard|bd\.?|bld\.?|impasse|allee|chemin|place|square|quai|cours"
    r"|route|passage|residence|sentier|faubourg|lotissement|esplanade|hameau)"
)
_NUMBERED = re.compile(
    rf"\b{_HOUSE} ?(?:,|bis|ter|quater|[a-d]\b)? ?,? ?({_ROAD}) (?:(de la|de l'|des|du|de"
    r"|d') ?)?(\w+)"
)
_NAMED = re.compile(
    r"\b(?:rue|avenue|boulevard|impasse|allee) [\w' -]{2,40}?,? au (?:numero |n° ?)?\d{1,4}\b"
)
_AT_HOME = re.compile(
    rf"\b(?:j'habite|je vis|chez moi|domicile|ma rue|passe)\b[^.!?]{{0,30}}\b(?:{_ROAD}) "
)


def _streets(plain: str, text: str, places: Sequence[int]) -> Iterable[_Found]:
    for found in _NUMBERED.finditer(plain):
        named = text[places[found.start(3)]].isupper()
        if named or (found[1] not in {"cours", "passage"} and found[2]):
            yield found.start(), found.end(), "address"
    for pattern in (_NAMED, _AT_HOME):
        for found in pattern.finditer(plain):
            yield found.start(), found.end(), "address"
