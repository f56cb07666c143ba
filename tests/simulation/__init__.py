"""The real bot in a simulated world: virtual time, seeded chance, simulated platforms.

Four ports are simulated: the clocks (`loop`), chance (one `random.Random` per world), the platforms
(`platforms`), and when the process dies (`process`). The inbox, the timers, the delivery, the bot
and SQLite are the real ones. What the platforms saw is judged by `judge`, from their own ledgers.
"""
