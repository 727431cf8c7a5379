"""`python -m pneumo_core`."""

import sys
import warnings

if not sys.warnoptions:
    warnings.simplefilter("ignore")  # what libraries warn of is for developers: python -W default

from pneumo_core.cli import main

main()
