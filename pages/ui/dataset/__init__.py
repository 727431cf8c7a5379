"""The parts of the Dataset screen."""
