"""`pytest suites/`: each held-out case as a test of its own, against a committed baseline; see `plugin`."""
