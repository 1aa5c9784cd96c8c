"""Data sets of images, how images become spikes, and reading answers out."""
