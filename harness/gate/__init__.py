"""The gate: from the scores of two models and a policy to GO, NO-GO, INCONCLUSIVE or INVALID.

`evidence` is what it looks at, `validity` whether that can be compared at all, `rules` what a candidate must show,
`verdict` how rules make a verdict, `decide` all of these together, `judge` the way from arms to decisions,
`early_stop` the same while asking, `output` how a decision is shown.
"""
