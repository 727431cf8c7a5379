"""Training runs: folder, queue, progress, history."""
