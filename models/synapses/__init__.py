"""Synapse models: one file each, named after the learning rule."""
