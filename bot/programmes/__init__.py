"""Programmes as files: the presets shipped with the bot, their schema, and their reader."""
