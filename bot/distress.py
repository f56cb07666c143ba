"""Hearing explicit words of distress: suicide, self-harm, violence, abuse.

A pure reading of one text, for one use: a person who is named hears of it, and the writer gets the
numbers of those who can help. It looks for explicit words said of oneself, in the French that
pupils write; it diagnoses nothing, weighs nothing, and refuses to guess from tone.

Source: quality rules, P5; house, "no diagnosis".
"""

from __future__ import annotations

import re
from typing import Final, Literal

from bot.dialogue.questionnaire import fold

Theme = Literal["suicide", "self-harm", "violence", "abuse"]

_SHORT: Final = (
    (re.compile(r"\bj(veux|vais|me|pense|peux|suis|voudrais|subis)\b"), r"je \1"),
    (re.compile(r"\b(?:jai|g)\b"), "j ai"),
    (re.compile(r"\b(?:chui|jsuis)\b"), "je suis"),
)

_KIN = (
    r"(?:(?:mon|ma|mes|un|une|le|la) (?:grande? |petite? |ex |demi )?(?:pere|mere|papa|maman"
    r"|parents"
    r"|beau pere|belle mere|freres?|soeurs?|oncle|tante|cousine?|grand pere|grand mere|copain"
    r"|copine"
    r"|ex|mec|mari|ami|tuteur|entraineur|coach|prof|professeur|patron|surveillant|adulte|voisin))"
)
_THEY = (
    rf"(?:{_KIN}|il|elle|ils|elles|on|quelqu un|(?:un|des|les) (?:gars|mecs?|types?|eleves?"
    r"|filles?|garcons?|grands)|toute la classe)"
)
_WISH = (
    r"(?:je |j |tellement |trop |vraiment |toujours |souvent ){0,3}(?:veux|voudrais|vais"
    r"|aimerais(?: mieux)?"
    r"|prefere(?:rais)?|compte|envisage de|pense a|pensais a|pense|songe a|ai pense a|ai voulu"
    r"|ai essaye de|(?:ai |des )?envies? (?:de|d)|besoin de|l idee de|pour|decide de|tente de)"
)
_IDIOM = (
    r"(?! (?:de |d )(?:rire|faim|soif|chaud|froid|fatigue|peur|honte|ennui|envie|trouille|rage"
    r"|curiosite|jalousie|impatience|vieillesse|stress|plaisir))"
)
_GAMES = (
    r"(?! (?:toujours |souvent |encore |tout le temps |a chaque fois )?(?:aux?|a la|a|en|par) "
    r"(?:tennis|echecs|foot\w*|ping|cartes|course|jeux?|fifa|mario|dames|basket|bad\w*|natation"
    r"|boxe|bras|scrabble|poker|sprint|uno|finale|demi|match|\d))"
)
_BY = (
    r"(?! (?:par|avec) (?:la|le|l|sa|son|ses|cette|ce|votre|vos|ta|tes|leur|une|un) "
    r"(?!ceinture|baton))"
)
_HURT = (
    rf"(?:frapp\w+\b{_BY}|bat{_GAMES}|battent{_GAMES}|battait|battu\w*\b{_GAMES}|tap\w+\b"
    r"(?! sur les nerfs)"
    r"|cogn\w+|tabass\w+|gifl\w+|etrangl\w+|maltrait\w+|brutalis\w+|sequestr\w+|enferme\w*"
    r"|rackett?\w+|harcel\w+\b(?! de)|poignard\w+)"
)
_TOUCH = rf"(?:viole\w*|agresse\w*|abuse\w*|touche(?:e|es|nt|r)?\b{_BY}|attouche\w*|pelote\w*)"
_VIOLENCE = (
    r"(?:violences?|coups|attouchements?|viols?|harcelement|abus|maltraitances?|inceste|racket"
    r"|agressions?|chantage|menaces)"
)

_PATTERNS: Final[tuple[tuple[Theme, str], ...]] = (
    ("suicide", rf"\b{_WISH} (?:\w+ )?(?:mourir|crever)\b{_IDIOM}"),
    (
        "suicide",
        rf"\b{_WISH} (?:\w+ )?(?:me|m) (?:suicider|tuer(?! (?:a|au) )|pendre|flinguer|noyer"
        r"|supprimer|buter|foutre en l air|ouvrir les veines|jeter (?:sous|par|du|de|d un"
        r"|dans le vide|d)|defenestrer)\b",
    ),
    ("suicide", r"\bme foutre en l air\b|\bmettre fin a (?:mes jours|ma vie)\b"),
    (
        "suicide",
        rf"\b{_WISH} (?:\w+ )?sauter (?:du (?:pont|toit|balcon|haut|\d\w*)|d un (?:pont|toit"
        r"|immeuble)|par la fenetre|dans le vide|sous)\b",
    ),
    (
        "suicide",
        r"\b(?:j|je|mes|m)\b(?: \w+){0,5} (?:idees?|pensees?|envies?|pulsions?) "
        r"(?:suicidaires?|de suicide|noires|de mort)\b|\bmes (?:idees|pensees) suicidaires\b",
    ),
    ("suicide", r"\b(?:j ai|j avais|je|ma|mes) (?:\w+ ){0,4}(?:tentatives? de suicide|ts)\b"),
    (
        "suicide",
        r"\b(?:je pense|j y pense|je repense|je songe|j ai pense|je parle)(?: \w+){0,3} "
        r"(?:au|de) suicide\b|\bsuicide(?: \w+){0,2} j y (?:pense|songe)\b",
    ),
    ("suicide", rf"\b{_WISH} (?:\w+ )?en finir\b(?! (?:avec|de)\b(?! (?:la vie|moi|tout)))"),
    (
        "suicide",
        r"\b(?:plus|pas)(?: du tout| trop| vraiment)? envie de vivre\b(?! (?:a|avec|chez|en"
        r"|dans|ici)\b)",
    ),
    (
        "suicide",
        r"\b(?:veux|peux|supporte|arrive) (?:vraiment )?(?:plus|pas)(?: a| de)? vivre\b(?! "
        r"(?:a|avec|chez|en|dans|ici|comme|seule?)\b)",
    ),
    (
        "suicide",
        r"\b(?:fatiguee?|marre|degoutee?|lassee?|epuisee?) de (?:vivre|la vie)\b(?! (?:a"
        r"|avec|chez|en|dans|ici)\b)",
    ),
    (
        "suicide",
        r"\b(?:sert (?:plus )?a rien de vivre|vivre (?:ne )?sert|plus (?:de"
        r"|aucune) raisons? de vivre|vie (?:ne )?vaut (?:plus|pas) (?:la peine|le coup))\b",
    ),
    (
        "suicide",
        r"\b(?:prefere(?:rais)?|voudrais|veux|aimerais(?: mieux)?|serais|serait"
        r"|j aurais du) (?:mieux |etre |mieux si j etais |que je sois ){0,2}morte?\b(?! de )",
    ),
    (
        "suicide",
        r"\bmieux (?:si|quand|que) (?:j etais|je suis|je serais|je sois) (?:morte?"
        r"|plus la)\b|\bsi je (?:mourais|mourrais|n etais plus la|disparaissais)\b"
        r"|\bmieux sans moi\b",
    ),
    ("suicide", r"\b(?:plus|jamais)(?: jamais)? me reveiller\b"),
    (
        "suicide",
        r"\b(?:je|j) (?:veux|voudrais|ai envie de|aimerais) disparaitre\b(?! (?:de|sous"
        r"|dans un trou))",
    ),
    (
        "suicide",
        r"\b(?:j ai|je) (?:ecrit|ecris|prepare|prepare|laisse)"
        r"(?: \w+){0,2} lettres? d adieu\b|\bma lettre d adieu\b",
    ),
    (
        "suicide",
        r"\b(?:j ai|je vais|je veux) (?:tout )?(?:pris|avale\w*|prendre|gobe\w*)"
        r"(?: \w+){0,4} (?:cachets|medocs|medicaments|pilules|somniferes|comprimes"
        r"|dolipranes?)\b(?! (?:contre|pour (?!mourir|en finir|dormir|partir)))",
    ),
    (
        "suicide",
        r"\b(?:je vais|je veux|envie de) faire une (?:grosse )?(?:betise|connerie)\b"
        r"|\bj ai une arme\b",
    ),
    (
        "self-harm",
        r"\b(?:je |j |jme )(?:\w+ ){0,3}(?:me |m )?(?:suis )?(?:scarifi|automutil|mutil"
        r"|taillad|lacer)\w*|\b(?:mes|les) (?:scarifications?|scarif)\b",
    ),
    (
        "self-harm",
        r"\b(?:me|m) (?:suis )?(?:coup|taill|entaill|ouvr|ouvert)\w* (?:\w+ ){0,2}(?:bras"
        r"|poignets?|veines?|jambes?|cuisses?|peau|avant bras|ventre)\b",
    ),
    (
        "self-harm",
        r"\bme (?:suis )?(?:coup\w+|taille\w*) (?:\w+ )?(?:avec (?:un|une|mon|ma|le|la|des) "
        r"(?:compas|cutter|lame|rasoir|ciseaux?|verre)|volontairement|expres)\b",
    ),
    (
        "self-harm",
        r"\bme (?:suis )?brul\w+ (?:\w+ ){0,3}(?:peau|cigarettes?|briquet|expres"
        r"|volontairement)\b",
    ),
    ("self-harm", r"\bme (?:frappe|tape|cogne)\b(?: \w+){0,6} (?:mur|punir|murs|expres)\b"),
    (
        "self-harm",
        r"\bme (?:fais|faire|faisais) (?:du mal|mal expres|vomir|mal volontairement)\b",
    ),
    ("violence", rf"\b{_THEY} (?:\w+ ){{0,3}}(?:me|m|nous) (?:a |ont |avait |ait )?{_HURT}"),
    (
        "violence",
        r"\bm (?:a|ont) (?:\w+ )?(?:tabass\w+|etrangl\w+|sequestr\w+|rackett?\w+|gifl\w+"
        rf"|frapp\w+\b{_BY})",
    ),
    (
        "violence",
        r"\b(?:me fais|me suis fait|me faisais|me fait|nous fait) (?:\w+ )?(?:frapper"
        rf"|battre{_GAMES}|tabasser|taper|cogner|agresser|harceler|rackett?er|menacer"
        r"|etrangler|maltraiter|insulter tous)\b",
    ),
    (
        "violence",
        r"\b(?:je suis|j ai ete|j etais|je me sens) (?:une? |(?:\w+ ))?(?:enfant )?"
        rf"(?:battu\w*\b{_GAMES}|maltrait\w+|frapp\w+\b{_BY}|tabass\w+|harcel\w+|rackett?\w+"
        r"|sequestr\w+)",
    ),
    (
        "violence",
        rf"\b(?:je|j|nous) (?:\w+ ){{0,6}}?(?:suis victime|ai ete victime|etais victime|subis"
        rf"|ai subi|subi|subissons) (?:\w+ ){{0,3}}{_VIOLENCE}\b",
    ),
    (
        "violence",
        r"\bviolences? (?:\w+ ){0,2}(?:chez (?:moi|nous)|a la maison)\b|\b(?:me|nous|m) "
        r"(?:donn\w+|a donne|met\w*|a mis|ont donne) (?:des|un) coups?\b(?! (?:de (?:main"
        r"|pouce|fil|coeur|jeune|boost|soleil|foudre)|d oeil))",
    ),
    (
        "violence",
        r"\bsupporte plus (?:les|ses|leurs) (?:coups|violences)\b|\bpeur de rentrer "
        r"(?:chez moi|a la maison)\b",
    ),
    (
        "violence",
        rf"\b{_KIN} (?:\w+ )?(?:a )?(?:frapp\w+|bat|battu\w*|tape|cogn\w+|etrangl\w+"
        r"|menac\w+)(?: \w+)? (?:ma|mes|mon|notre) (?:\w+ )?(?:mere|soeurs?|freres?|maman"
        r"|parents)\b",
    ),
    (
        "violence",
        r"\bmenac\w+ (?:\w+ ){0,2}(?:de (?:mort|me tuer|nous tuer|me frapper)|avec (?:un|une"
        r"|son) (?:couteau|arme|pistolet|cutter|fusil))|\bdit qu (?:il|elle|ils) (?:va"
        r"|allait|vont|allaient) (?:me|nous) tuer\b",
    ),
    (
        "violence",
        r"\bm (?:a|ont) (?:mise? dehors|mise? a la porte|jetee? dehors|enferm\w+)\b"
        r"|\bje dors dans la rue\b|\bpas le droit de manger\b",
    ),
    (
        "violence",
        r"\b(?:me|m) (?:\w+ ){0,3}(?:mari\w+ (?:de|par la) force|excis\w+)|\bm excis\w+"
        r"|\bmon mariage force\b",
    ),
    ("violence", r"\bje (?:fugue|vais fuguer|veux fuguer|pense a fuguer)\b"),
    ("abuse", rf"\b{_THEY} (?:\w+ ){{0,3}}(?:me|m|nous) (?:a |ont |avait )?(?:\w+ )?{_TOUCH}"),
    (
        "abuse",
        r"\b(?:j ai ete|je suis|me fais|me suis fait|j etais) (?:\w+ )?(?:viole\w*|violer"
        r"|abuse[er]s?|agresse\w* sexuellement|toucher|attouche\w*)\b",
    ),
    (
        "abuse",
        r"\bm (?:a|ont) (?:\w+ )?(?:violee?s?|agressee?s?|droguee?s?|force\w* a (?:coucher"
        r"|l embrasser|le toucher|la toucher|faire des choses|regarder)"
        r"|embrasse\w* de force)\b",
    ),
    (
        "abuse",
        r"\b(?:c etait|c est) un viol\b(?! de )|\babus\w* (?:sexuellement )?de moi\b|\bj ai "
        r"(?:\w+ ){0,2}(?:victime d|subi|vecu)(?: \w+){0,2} (?:inceste|viol|attouchements)\b",
    ),
    (
        "abuse",
        r"\bmains? (?:\w+ )?dans (?:ma culotte|mon pantalon|mon slip|mon soutien)"
        r"|\btouch\w+ (?:mes |les )?(?:seins|fesses|parties intimes|sexe)\b",
    ),
    (
        "abuse",
        r"\bnudes?\b|\b(?:photos?|videos?)\b(?: \w+){0,3} (?:nue?s?|intimes?|denudee?s?|sexe"
        r"|penis)\b|\bsextape\b|\bdick ?pics?\b",
    ),
    (
        "abuse",
        r"\bme (?:fait|font) (?:chanter|du chantage)\b|\bchanter avec (?:une|des|mes) "
        r"(?:photos?|videos?)\b",
    ),
)
_COMPILED: Final = tuple((theme, re.compile(pattern)) for theme, pattern in _PATTERNS)


def heard(text: str) -> Theme | None:
    """What explicit words of distress a text holds, the gravest first; None for most texts."""
    plain = fold(text)
    for short, full in _SHORT:
        plain = short.sub(full, plain)
    return next((theme for theme, pattern in _COMPILED if pattern.search(plain)), None)
