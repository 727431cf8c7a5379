"""Long work in a process of its own: start, status, stop."""
