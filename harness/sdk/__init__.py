"""The allow-list: SDK source read as text, joined with an overlay, compiled into one committed JSON profile.

`source` opens wheels, sdists and folders, `signatures` reads them with libcst, `param_types` and `docstring` what their
annotations and docstrings mean; `overlay` is the hand-written part; `build` joins the two; `profile` holds the result;
`diff` compares two profiles; `card` writes the API card of a prompt; `survey` finds the class of an SDK that nobody has
described yet. SDK code is never imported.
"""
