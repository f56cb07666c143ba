"""When, and how often: inbox, timers and delivery. It knows rows and the bot, never a platform."""
