"""Model bundles: what a trained network is delivered as, and how it is written, checked, chosen."""

from pneumo_core.bundle.card import Card
from pneumo_core.bundle.card.parts import OperatingPoints
from pneumo_core.bundle.integrity import verify_bundle
from pneumo_core.bundle.registry import (
    Bundle,
    BundleStatus,
    activate,
    active_name,
    bundle_names,
    load_bundle,
    remove_bundle,
    survey,
)
from pneumo_core.bundle.write import write_bundle

__all__ = [
    "Bundle",
    "BundleStatus",
    "Card",
    "OperatingPoints",
    "activate",
    "active_name",
    "bundle_names",
    "load_bundle",
    "remove_bundle",
    "survey",
    "verify_bundle",
    "write_bundle",
]
