"""Telegram: updates in, Bot API calls out, through python-telegram-bot.

Refuses to know Slack, the demo, and what is said or to whom.
"""

import os

# The library's own switch: durations as timedelta, as its next major version gives them; without it
# each reading of `RetryAfter.retry_after` warns.
os.environ.setdefault("PTB_TIMEDELTA", "1")
