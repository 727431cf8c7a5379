"""Parts of the Training screen: what will run, the run in progress, and all runs."""
