"""The Metrics screen: discrimination, calibration and errors of a model at any threshold."""
