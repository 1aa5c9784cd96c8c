"""Notebooks, and the page of `spikelearn lab`: lab.py."""
