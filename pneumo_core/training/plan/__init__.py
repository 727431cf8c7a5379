"""Before a training starts: what it starts from, and what it will see."""
