"""Measured pairing experiments: one CSV file each, read by `spikelearn.stdp.experiments`."""
