"""The share of the evidence inside the lungs; indexes for History."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column, unknown for older readings, and what History filters by as indexes."""
    op.add_column("readings", sa.Column("inside_lungs", sa.Float(53)))
    for column in ("at", "sha256", "study_key"):
        op.create_index(f"ix_readings_{column}", "readings", [column])
    op.create_index("ix_verdicts_reading_id", "verdicts", ["reading_id"])
