"""`pytest suites/`: each held-out case as a test of its own, against a committed baseline.

`plugin` holds the hooks and fixtures, `subject` what is tested, `answers` the answers and their scores, `judged` what
a test of a suite is given, `message` what a person reads when one fails, `baseline` what failed before, `sharing` how
xdist's processes come to one set of answers, `summary` the table at the end.
"""
