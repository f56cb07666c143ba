"""What may become of a request, a proposal, a pair and a campaign: tables, nothing else.

Rule 1: every change of state in the product is a line of these tables. Rule 2: this module does not
know who asks, nor what is said about it. A move that is not in a table is `NotAllowed`: somebody
pressed an old button, and the caller answers with where things stand now.

Source: A-15 (no request without a state), A-14..A-22; house, "one transition table in the h11
manner".
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import NotAllowed

Table = Mapping[str, Mapping[str, str]]

REQUEST: Table = {
    "open": {
        "show": "proposed",
        "ask": "asked",
        "match": "matched",
        "hand_over": "team",
        "withdraw": "closed",
    },
    "proposed": {
        "show": "proposed",
        "ask": "asked",
        "match": "matched",
        "hand_over": "team",
        "withdraw": "closed",
        "reopen": "open",
    },
    "asked": {
        "show": "proposed",
        "ask": "asked",
        "match": "matched",
        "hand_over": "team",
        "reopen": "open",
        "withdraw": "closed",
    },
    "team": {
        "show": "proposed",
        "ask": "asked",
        "match": "matched",
        "withdraw": "closed",
        "close": "closed",
        "reopen": "open",
    },
    "matched": {"close": "closed", "reopen": "team"},
    "closed": {"reconsider": "team"},
}

PROPOSAL: Table = {
    "shown": {"ask": "asked", "withdraw": "withdrawn"},
    "asked": {
        "accept": "accepted",
        "decline": "declined",
        "lapse": "lapsed",
        "withdraw": "withdrawn",
    },
    "lapsed": {"ask": "asked", "withdraw": "withdrawn"},
    "accepted": {},
    "declined": {},
    "withdrawn": {"ask": "asked"},
}

PAIR: Table = {
    "proposed": {"agree": "active", "close": "closed"},
    "active": {"pause": "paused", "end": "closing", "close": "closed"},
    "paused": {"resume": "active", "end": "closing", "close": "closed"},
    "closing": {"close": "closed", "extend": "active"},
    "closed": {},
}

OUTCOMES = ("term", "referred", "changed", "ended")
"""How a pair ended: at its term, by turning to others (a success, A-21), with another mentor for
the mentee, or before its term; none of them is a failure."""

SUCCESS = frozenset({"term", "referred"})
"""Outcomes that count as a success in every statistic (A-21)."""

REQUEST_ENDS = ("matched", "referred", "infeasible", "withdrawn")
"""How a request ended: with a pair, by turning to others, with the team's no, or taken back."""

REQUEST_SUCCESS = frozenset({"matched", "referred"})
"""Ends of a request that count as a success in every statistic (A-21)."""

REFERRAL: Table = {
    "suggested": {"agree": "agreed", "decline": "declined"},
    "agreed": {"start": "underway", "finish": "done", "decline": "declined"},
    "underway": {"finish": "done", "decline": "declined"},
    "done": {},
    "declined": {},
}

BEYOND: Table = {"open": {"answer": "answered"}, "answered": {}}

EXTENSION: Table = {
    "open": {"agree": "agreed", "decline": "declined"},
    "agreed": {},
    "declined": {},
}

TRAINING: Table = {"declared": {"confirm": "confirmed"}, "confirmed": {"confirm": "confirmed"}}

FOLLOW_UP: Table = {
    "asked": {"answer": "answered", "refuse": "refused"},
    "answered": {"answer": "answered"},
    "refused": {},
}

CAMPAIGN: Table = {
    "open": {"draft": "matching", "close": "closed"},
    "matching": {"draft": "matching", "publish": "published", "close": "closed"},
    "published": {"draft": "matching", "close": "closed"},
    "closed": {},
}

CAMPAIGN_PAIR: Table = {
    "draft": {"propose": "proposed"},
    "proposed": {"accept": "accepted", "decline": "declined", "withdraw": "withdrawn"},
    "accepted": {},
    "declined": {},
    "withdrawn": {"propose": "proposed"},
}

ANNOUNCEMENT: Table = {
    "writing": {"write": "draft", "drop": "dropped"},
    "draft": {"ask": "writing", "send": "sending", "drop": "dropped"},
    "sending": {"finish": "sent", "stop": "stopped"},
    "sent": {"stop": "stopped"},
    "stopped": {},
    "dropped": {},
}


def move(table: Table, state: str, event: str) -> str:
    """The state that `event` leads to.

    Raises:
        NotAllowed: The table has no such move.
    """
    try:
        return table[state][event]
    except KeyError:
        raise NotAllowed(f"{event} is not possible in state {state}") from None
