"""Pairing experiments: spike times, published measurements, weight changes of a rule."""
