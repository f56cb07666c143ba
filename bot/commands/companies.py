"""`entreprises`: what companies can see of me, field by field, and which of them have looked.

Nothing is shown before somebody has pressed for that very field, and what they take back is gone at
the next look. A button carries which text it was shown under: an old one is no word on a new text.
They are asked once, after the first report with a wish; « plus tard » is an answer. A minor is
neither asked nor shown. Which company gets in, and how, is not for here.

Source: E-13; GDPR 6, 7, 15.
"""

from __future__ import annotations

from typing import Final

from bot import minors
from bot.commands.registry import command
from bot.dialogue.questionnaire import fold
from bot.dialogues import run_choice
from bot.i18n import Words
from bot.messages import Choice, Line, Message
from bot.partners import Cell, agreed_fields, would_show
from bot.programmes.partners import PURPOSE, PartnerField, Partners
from bot.programmes.schema import Programme
from bot.turn import Turn, within

STAMP: Final = 8  # characters of a text's digest that a button carries
SHOWN: Final = 20  # views in a message
_LONG: Final = 100  # characters of a value in the list
_LATER: Final = ("plus-tard", "later")
_VIEWS: Final = ("vues", "views")


@command("entreprises", alias="companies", who="member", section="partners")
def entreprises(turn: Turn, args: str) -> None:
    """What companies see of me; `entreprises + nom` shows a field, `- nom` takes it back."""
    programme = turn.programme
    rules = programme.partners
    if rules is None:
        turn.text("companies-none-here")
        return
    if "mentee" not in turn.roles:
        who = turn.w.pick(programme.roles.mentee.plural)
        turn.text("companies-not-shown", who=who)
        return
    if not _of_age(turn, programme):
        turn.text("companies-minor")
        return
    what = args.strip()
    if what in _VIEWS:
        _views(turn, programme, rules)
        return
    turn.uow.partners.ask(turn.me.id, programme.id, rules.whole, turn.now)
    if what in _LATER:
        _answer(turn, Message(turn.w("companies-later")))
        return
    if what[:1] in ("+", "-"):
        _change(turn, programme, rules, what[1:].strip(), given=what[0] == "+")
    _show(turn, programme, rules)


def ask(turn: Turn) -> None:
    """A report with a wish was sent: ask what companies may see of it, once."""
    programme = turn.programme
    rules = programme.partners
    if rules is None or "mentee" not in turn.roles or not _of_age(turn, programme):
        return
    if turn.uow.reports.wish(turn.me.id, programme.id) is None:
        return
    if not turn.uow.partners.ask(turn.me.id, programme.id, rules.whole, turn.now):
        return
    if agreed_fields(turn.uow, turn.me.id, programme):
        return
    w = turn.w
    fields = w.all([w.pick(field.label) for field in rules.fields])
    said = Message(
        title=w("companies-ask"),
        text=f"{w.pick(rules.text)}\n\n{w('companies-ask-fields', fields=fields)}",
        choices=(run_choice(w("companies-choose"), "entreprises", style="primary"),),
        quiet=(run_choice(w("consent-no"), "entreprises", _LATER[0]),),
    )
    turn.say(within(programme, said))


def _of_age(turn: Turn, programme: Programme) -> bool:
    return not minors.is_minor(turn, turn.me, programme) and minors.of_age(
        turn.me.born_on, turn.me.zone, programme=programme, now=turn.now
    )


def _answer(turn: Turn, message: Message) -> None:
    """In the place of what was pressed, if anything was."""
    if not turn.replace(message):
        turn.say(message)


# --- field by field -------------------------------------------------------------------------------


def _stamp(rules: Partners, field: PartnerField) -> str:
    return rules.asked(field)[1][:STAMP]


def _meant(rules: Partners, what: str) -> list[PartnerField]:
    """Which fields: the stamp of a button, a name as it is typed, or all of them."""
    if what == f"*{rules.whole[:STAMP]}":
        return list(rules.fields)
    wanted = fold(what)
    return [
        field
        for field in rules.fields
        if what == _stamp(rules, field)
        or wanted in (fold(field.id), fold(field.label.fr), fold(field.label.en))
    ]


def _change(turn: Turn, programme: Programme, rules: Partners, what: str, *, given: bool) -> None:
    people, me = turn.uow.people, turn.me.id
    if not given and what == "*":  # whatever they said yes to, older texts and fields included
        purposes = [p for p in people.consents(me, programme.id) if p.startswith(PURPOSE)]
    else:
        purposes = [field.purpose for field in _meant(rules, what)]
    for purpose in sorted(purposes):
        field = rules.field(purpose.removeprefix(PURPOSE))
        if given and field is not None:
            people.consent(me, programme.id, purpose, text=rules.asked(field), now=turn.now)
        else:
            people.withdraw(me, programme.id, purpose, now=turn.now)
        turn.note("companies", "person", me, purpose=purpose, given=int(given),
                  programme=programme.id)  # fmt: skip


def _show(turn: Turn, programme: Programme, rules: Partners) -> None:
    """Each field: whether it is shown, what it shows, and the button to change that."""
    w = turn.w
    agreed = agreed_fields(turn.uow, turn.me.id, programme)
    values = would_show(turn.uow, programme, turn.me)
    lines = []
    for field in rules.fields:
        there, name = field.id in agreed, w.pick(field.label)
        change = w("companies-hide", field=name) if there else w("companies-show", field=name)
        lines.append(
            Line(
                label=name,
                text=_standing(w, values[field.id], shown=there),
                choice=run_choice(change, "entreprises", "+-"[there] + _stamp(rules, field)),
            )
        )
    given = turn.uow.people.consents(turn.me.id, programme.id)
    said = [w.pick(rules.text)]
    if turn.me.paused_at is not None:
        said.append(w("companies-paused"))
    if not agreed and any(purpose.startswith(PURPOSE) for purpose in given):
        said.append(w("companies-changed"))
    choices: list[Choice] = []
    if len(agreed) < len(rules.fields):
        everything = f"+*{rules.whole[:STAMP]}"
        choices.append(run_choice(w("companies-show-all"), "entreprises", everything))
    if agreed:
        choices.append(run_choice(w("companies-hide-all"), "entreprises", "-*"))
    choices.append(run_choice(w("companies-who"), "entreprises", _VIEWS[0]))
    names = [one.name for one in turn.uow.partners.companies(programme.id)]
    message = Message(
        title=w("companies-title"),
        text="\n\n".join(said),
        lines=tuple(lines),
        choices=tuple(choices),
        note=w("companies-are", names=w.all(names)) if names else w("companies-are-none"),
    )
    _answer(turn, within(programme, message))


def _standing(w: Words, cell: Cell, *, shown: bool) -> str:
    if cell is None:
        return w("companies-will-show") if shown else w("companies-hides")
    value = w.pick(cell)
    value = value if len(value) <= _LONG else f"{value[:_LONG].rstrip()} …"
    return w("companies-shows-value" if shown else "companies-hides-value", value=value)


# --- who has looked -------------------------------------------------------------------------------


def _views(turn: Turn, programme: Programme, rules: Partners) -> None:
    w = turn.w
    seen = turn.uow.partners.views(programme.id, person_id=turn.me.id, limit=SHOWN)
    message = Message(
        title=w("companies-who"),
        text="" if seen else w("companies-nobody-looked"),
        lines=tuple(
            Line(label=w.day(one.at), text=saw(w, one.company, one.fields, rules)) for one in seen
        ),
        choices=(run_choice(w("companies-back"), "entreprises"),),
    )
    turn.say(within(programme, message))


def saw(w: Words, company: str, fields: tuple[str, ...], rules: Partners | None) -> str:
    """What a company saw of somebody, in words."""
    return w("companies-saw", company=company, fields=called(w, fields, rules))


def called(w: Words, fields: tuple[str, ...], rules: Partners | None) -> str:
    """Fields by what today's file calls them; one that it has no more by its id."""
    known = [(name, rules.field(name) if rules else None) for name in fields]
    return w.all([w.pick(field.label) if field else name for name, field in known])
