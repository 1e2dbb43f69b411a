"""Statistics of a paired comparison: formulas with their sources, numpy in and plain numbers out.

Paraphrases and samples of one intent are not independent, so the intent is the cluster of everything here.
`paired` holds the difference of two models; `tango` the score interval that stays honest near 100%; `rates` single
rates, pass@k and pass^k; `power` what a number of intents can show; `sequential` the bound that may be looked at
after every batch; `multiplicity` Holm. All bounds are one-sided with confidence 1 - alpha: the lower and the upper
one together are a two-sided interval with confidence 1 - 2 alpha. Rates and differences are shares, 0 to 1 and -1
to 1.
"""
