"""What the page of `spikelearn lab` reads, computes and draws; the page itself is notebooks/lab.py."""
