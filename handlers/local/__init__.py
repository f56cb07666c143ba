"""Local stand-ins for Slack and Telegram, for the demo, the story and the tests.

This package refuses to know the product: it never imports `bot`, `storage` or `scheduling`, so
that it can judge
what the adapters send as strictly as the real platforms would.
"""
