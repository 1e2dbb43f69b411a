"""`pytest suites/`: each held-out case as a test of its own, against a committed baseline.

`plugin` holds the hooks and fixtures, `run` a session, `subject` what is tested, `answers` the answers and their
scores, `judged` what a test is given, `message` what a person reads when one fails, `baseline` what failed before,
`ledger` what came of the tests, `summary` the table at the end, `sharing` how xdist's processes come to one set of
answers, `pack_check` what the dataset suite asks.
"""
