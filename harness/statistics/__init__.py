"""Statistics of a paired comparison: formulas with their sources, numpy in and plain numbers out.

Paraphrases and samples of one intent are not independent, so the intent is the cluster of everything here; `likeness`
is how two items of one are taken to correlate, 0 to 1.
`paired` holds the difference of two models, `rates` single rates and pass^k; each takes the more cautious of two
bounds: `sign_flips`, which watch the intents themselves, and an interval of counts (Tango, or Clopper-Pearson),
honest near 100%, on the number of items that count under an assumed likeness (`Clusters.effective_items`). `power`
says what a number of intents can show; `sequential` holds the bound that may be looked at after every batch.

No bound ever rises when one success of the candidate becomes a failure: means over sets of intents fall with each of
their items, and counts on a fixed number of items do. That is why no variance is estimated here: with one, a failure
that makes the results less alike, or takes away an outlier, would make a bound narrower than it costs (`power` does
estimate, for planning alone).

All bounds are one-sided with confidence 1 - alpha: the lower and the upper one together are a two-sided interval with
confidence 1 - 2 alpha. Rates and differences are shares, 0 to 1 and -1 to 1.
"""
