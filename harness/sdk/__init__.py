"""The allow-list: SDK source read as text, joined with an overlay, compiled into one committed JSON profile.

`source` opens wheels, sdists, folders and signature files; `signatures` reads classes and methods with libcst;
`overlay` is the hand-written part; `build` joins them; `profile` loads the result; `diff` compares two profiles;
`card` writes the API card of a prompt. SDK code is never imported.
"""
