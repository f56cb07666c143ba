"""Five hundred texts that a platform, a page, a spreadsheet or a formatter might act on.

Made of forms and of what is put into them, so that each kind of mark meets each kind of wrapping.
"""

from __future__ import annotations

from itertools import islice
from typing import Final

_MENTIONS: Final = (
    "<!channel>", "<!here>", "<!everyone>", "<@U0CLAIRE>", "<@W1|x>", "<#C0GENERAL>", "<#C1|ici>",
    "<!subteam^S1>", "<!date^1^{date}|x>", "@channel", "@everyone", "@cordee_bot", "@un_nom_long",
    "@U0CLAIRE", "&lt;!channel&gt;", "&amp;lt;!here&amp;gt;", "<<!channel>>", "<!channel|<!here>>",
)  # fmt: skip
_LINKS: Final = (
    "<https://malin.example>", "<https://malin.example|ta banque>", "https://malin.example/a?b=c#d",
    "http://127.0.0.1:8080/", "HTTPS://MALIN.EXAMPLE", "malin.example", "www.malin.com/x",
    "moi@malin.fr", "<mailto:moi@malin.fr|ici>", "<tel:+33600000000|ici>", "tg://user?id=1",
    "tg://resolve?domain=x", "[ici](https://malin.example)", "[ici](tg://user?id=1)",
    "javascript:alert(1)", "data:text/html,<b>", "ftp://malin.example/x", "t.me/malin",
    "//malin.example", "https://malin.example\u200b/x", "xn--maln-0qa.com", "https://é.fr/é",
)  # fmt: skip
_TAGS: Final = (
    "<b>gras</b>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href=x>y</a>",
    "</pre></code>", "<tg-spoiler>x</tg-spoiler>", "<svg/onload=alert(1)>", "<!-- x -->", "]]>",
    "*gras*", "_penché_", "~barré~", "`mot`", "```bloc```", "> citation", "||caché||", "__sous__",
    "#titre", "$EUR", "#ici", ":tada:", "• point", "1. liste", "---", "\\*", "<br/>", "&nbsp;",
    "&#60;b&#62;", "%3Cb%3E", "\u003cb\u003e",
)  # fmt: skip
_COMMANDS: Final = (
    "/effacer", "/effacer-oui", "/start", "/cordee roles", "/remind me", "/aide@cordee_bot",
    "/x_y_z", "!ban", "x:pass:1:1", "r:effacer-oui:", "a:c1:q:v",
)  # fmt: skip
_FORMULAS: Final = (
    "=1+1", "=HYPERLINK(\"http://malin.example\")", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)",
    "\t=1", "\r=1", " =1", "'=1", "\"=1", ";=1", "=1;=2", "\uff1d1+1", "\u22121", "=IMPORTXML(1,2)",
    "%0A=1", "DDE(\"x\";\"y\";\"z\")",
)  # fmt: skip
_FORMATS: Final = (
    "{name}", "{0}", "{}", "{n!r}", "{__class__}", "%s", "%(name)s", "%n", "${x}", "{{7*7}}",
    "<%= 7*7 %>", "#{7*7}", "\\u0041", "\\n", "$(id)", "`id`", "'; DROP TABLE person;--",
    "\" OR 1=1",
)  # fmt: skip
_UNSEEN: Final = (
    "\u202eretourné", "\u2066isolé\u2069", "\u200bz\u200bw", "a\u0301" * 20, "\ufeffbom",
    "\u2028ligne", "é\u0000è", "\x07", "\ufffe",
    "\x1b[31mrouge", "👩\u200d👩\u200d👧", "ﷺ", "\U000e0041",
)  # fmt: skip
KINDS: Final = (_MENTIONS, _LINKS, _TAGS, _COMMANDS, _FORMULAS, _FORMATS, _UNSEEN)
_WRAPPED: Final = (
    "{}",
    "{} et la suite",
    "Bonjour {}",
    "({})",
    "« {} »",
    "{0} {0}",
    "\n{}",
    "x{}y",
)


def texts() -> list[str]:
    """Five hundred of them, always the same, each at most 60 characters."""
    singles = [one for kind in KINDS for one in kind]
    made = (
        form.replace("{0}", one).replace("{}", one)[:60] for form in _WRAPPED for one in singles
    )
    return list(islice(dict.fromkeys(made), 500))
