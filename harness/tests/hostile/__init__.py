"""Attacks on every boundary, generated: each kind of fault at random places, and what must hold after each."""
