"""What completed dialogues, pressed buttons and due timers mean.

One module per part of a programme's life.

`profiles` → `requests` → `campaign` → `offers` → `pairs` → `checkins` → `partings` → `endings`,
with `joining`, `letters`, `meetings`, `supervision`, `referrals`, `reports`, `announcements` and
more beside. Each registers its completions, acts and timers; importing this package fills the
registries.
"""

from bot.flows import (
    afterwards,
    announcements,
    beyond,
    campaign,
    checkins,
    endings,
    extensions,
    flags,
    guides,
    holds,
    joining,
    kept,
    letters,
    meetings,
    offers,
    overrun,
    pairs,
    partings,
    profiles,
    promises,
    queue,
    referrals,
    reports,
    requests,
    supervision,
    training,
)

FLOWS = (
    *(profiles, joining, requests, campaign, offers, queue, pairs, endings, letters, holds, flags),
    *(checkins, meetings, kept, reports, supervision, partings, beyond, announcements, referrals),
    *(extensions, training, overrun, afterwards, guides),
    promises,
)
