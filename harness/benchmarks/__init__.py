"""Benchmarks: each is a command that prints the figures the README quotes."""
