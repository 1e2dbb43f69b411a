"""Tests of the harness itself: `pytest` at the top of the checkout."""
