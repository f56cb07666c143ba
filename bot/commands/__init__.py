"""The verbs of the bot: one registry, one module per family."""
