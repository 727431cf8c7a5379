"""`python -m pneumo_core`."""

from pneumo_core.cli import main

main()
