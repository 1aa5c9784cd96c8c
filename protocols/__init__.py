"""Protocols: one file per experiment, with the functions run and plot."""
