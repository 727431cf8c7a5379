"""The parts of the Models screen."""
