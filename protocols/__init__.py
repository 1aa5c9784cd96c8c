"""Experiments: one script each, with run, plot and main."""
