"""What speaks against a model, said where it is put in service or comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.cli.console import tell

if TYPE_CHECKING:
    from collections.abc import Mapping


def caution(name: str, card: Mapping[str, Any], *, in_service: bool = False) -> None:
    """Say on standard error what the model's card says against it; nothing of a sound one."""
    from pneumo_core.bundle.reliability import judge

    reasons = judge(card).reasons
    if not reasons:
        return
    tell(f"Do not rely on the model {name}{', which reads films now' * in_service}:")
    for reason in reasons:
        tell(f"  - {reason.words}")
