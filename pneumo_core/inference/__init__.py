"""From pixels to a decision: the gate, the runtime, the reading and its overlay."""
