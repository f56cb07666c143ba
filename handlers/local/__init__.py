"""Local stand-ins for Slack and Telegram, for the demo, the story and the tests.

The platforms here refuse to know the product: they never import `bot`, `storage` or `scheduling`,
so that they can judge what the adapters send as strictly as the real ones would.
"""
