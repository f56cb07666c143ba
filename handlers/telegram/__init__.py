"""Telegram: updates in, Bot API calls out, through python-telegram-bot.

Refuses to know Slack, the demo, and what is said or to whom.
"""
