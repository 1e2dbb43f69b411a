"""Benchmarks: each is a command that prints the figures BENCHMARKS.md quotes."""
