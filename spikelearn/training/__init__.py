"""What every trainer shares: checkpoints, locks, progress, seeds."""
