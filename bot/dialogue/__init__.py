"""The dialogue engine: a pure function from (questionnaire, state, input) to (state, outputs).

It imports the standard library and pydantic only. It does not know what an answer is for, who is
speaking, on which platform, in which language, or where a conversation is kept.
"""
