"""« À voir en premier »: whom the team looks at first, and why.

`gather` reads what is known, `score` weighs it, `words` says it. What staff do about it is in
`bot/commands/triage`.
"""
