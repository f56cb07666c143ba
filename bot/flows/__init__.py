"""What completed dialogues, pressed buttons and due timers mean.

One module per part of a programme's life.

`profiles` → `requests` → `campaign` → `offers` → `pairs` → `checkins`, with `joining`, `letters`,
`meetings` and `reports` beside them. Each registers its completions, acts and timers; importing
this package fills the registries.
"""

from bot.flows import (
    campaign,
    checkins,
    joining,
    letters,
    meetings,
    offers,
    pairs,
    profiles,
    queue,
    reports,
    requests,
)

FLOWS = (
    profiles,
    joining,
    requests,
    campaign,
    offers,
    queue,
    pairs,
    letters,
    checkins,
    meetings,
    reports,
)
