"""`pytest suites/`: each held-out case as a test of its own, against a committed baseline.

`plugin` holds the options, the fixtures and the way to xdist's processes, `session` the model under test with its
answers and what came of the tests, `judged` what a test is given and what a person reads when it fails, `baseline`
what failed before, `summary` the table at the end. What the dataset suite asks is `harness.datacheck.PackCheck`.
"""
