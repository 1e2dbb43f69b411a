"""The allow-list: SDK source read as text, joined with an overlay, compiled into one committed JSON profile.

`source` reads the signatures of wheels, sdists and folders with libcst; `overlay` is the hand-written part; `build`
joins them; `profile` holds the result; `diff` compares two profiles; `card` writes the API card of a prompt. SDK code
is never imported.
"""
