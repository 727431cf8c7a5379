"""Model bundles: what a trained network is delivered as, and how it is written, checked, chosen."""

from pneumo_core.bundle.integrity import verify_bundle
from pneumo_core.bundle.store import (
    Bundle,
    OperatingPoints,
    activate,
    active_name,
    bundle_names,
    list_bundles,
    load_bundle,
)
from pneumo_core.bundle.write import write_bundle

__all__ = [
    "Bundle",
    "OperatingPoints",
    "activate",
    "active_name",
    "bundle_names",
    "list_bundles",
    "load_bundle",
    "verify_bundle",
    "write_bundle",
]
