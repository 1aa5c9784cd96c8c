"""Neuron models: one file each, named after the neuron."""
