"""Who may see and change what: every way in, tried by everybody on everybody's things (S1)."""
