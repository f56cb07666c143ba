"""The bot, of no platform: what it says, when, and to whom; not how a platform carries it."""
