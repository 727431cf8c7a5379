"""Readings and verdicts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "readings",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("decision", sa.String(10)),
        sa.Column("p_pneumonia", sa.Float(53)),
        sa.Column("p_low", sa.Float(53)),
        sa.Column("p_high", sa.Float(53)),
        sa.Column("threshold_low", sa.Float(53), nullable=False),
        sa.Column("threshold_high", sa.Float(53), nullable=False),
        sa.Column("image_check", sa.Text, nullable=False),
        sa.Column("study_key", sa.String(32), nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
    )
    op.create_table(
        "verdicts",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column(
            "reading_id",
            sa.String(36),
            sa.ForeignKey("readings.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("reader", sa.String(80), nullable=False),
        sa.Column("agreement", sa.String(10), nullable=False),
        sa.Column("finding", sa.String(20), nullable=False),
        sa.Column("confidence", sa.Integer),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("phase", sa.String(10), nullable=False),
        sa.CheckConstraint("agreement IN ('agree', 'disagree', 'unsure', '')", name="agreement"),
        sa.CheckConstraint(
            "finding IN ('normal', 'pneumonia', 'other', 'not readable', '')", name="finding"
        ),
        sa.CheckConstraint("phase IN ('open', 'before', 'after')", name="phase"),
        sa.CheckConstraint("confidence BETWEEN 1 AND 5", name="confidence"),
    )
