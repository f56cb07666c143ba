"""What completed dialogues, pressed buttons and due timers mean.

One module per part of a programme's life.

`profiles` → `requests` → `campaign` → `offers` → `pairs` → `checkins` → `partings`, with `joining`,
`letters`, `meetings`, `supervision`, `beyond`, `reports` and `announcements` beside them. Each
registers its completions, acts and timers; importing this package fills the registries.
"""

from bot.flows import (
    announcements,
    beyond,
    campaign,
    checkins,
    joining,
    letters,
    meetings,
    offers,
    pairs,
    partings,
    profiles,
    queue,
    reports,
    requests,
    supervision,
)

FLOWS = (
    *(profiles, joining, requests, campaign, offers, queue, pairs, letters, checkins, meetings),
    *(reports, supervision, partings, beyond, announcements),
)
