"""What a run brings home and where it came from."""
