"""The checker is checked: references changed in ways that matter must fail, and in ways that do not must pass.

`python -m harness.benchmarks.mutants` prints the rates over the held-out cases, by category and by kind of change, and
each mutant that was judged wrong.
"""
