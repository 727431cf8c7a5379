"""Tables of the log of readings. They hold no pixels, no patient tag and no file name.

The migrations in `migrations/versions/` make them; a test compares both.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

from sqlalchemy import CheckConstraint, DateTime, Float, ForeignKey, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect

VERSION = "0003"  # of the latest migration
Agreement = Literal["agree", "disagree", "unsure"]
Finding = Literal["normal", "pneumonia", "other", "not readable"]
# When a reader answered: knowing the model's answer, or blinded, before and after it was shown.
Phase = Literal["open", "before", "after"]
AGREEMENTS: tuple[Agreement, ...] = get_args(Agreement)
FINDINGS: tuple[Finding, ...] = get_args(Finding)
PHASES: tuple[Phase, ...] = get_args(Phase)
LONGEST_NAME, LONGEST_NOTE = 80, 4000  # characters


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone, so it is taken off and put back."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, D102
        return None if value is None else value.replace(tzinfo=UTC)


def _one_of(column: str, allowed: tuple[str, ...], *, empty: bool = False) -> str:
    quoted = ", ".join(f"'{word}'" for word in (*allowed, *([""] if empty else [])))
    return f"{column} IN ({quoted})"


class Base(DeclarativeBase):
    """What all tables belong to."""


class ReadingRow(Base):
    """One answer to one film: a row of `readings`.

    Probabilities, thresholds and `inside_lungs` (share of the map's evidence) are 0..1.
    """

    __tablename__ = "readings"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    model: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(10))
    decision: Mapped[str | None] = mapped_column(String(10))
    p_pneumonia: Mapped[float | None] = mapped_column(Float(53))
    p_low: Mapped[float | None] = mapped_column(Float(53))
    p_high: Mapped[float | None] = mapped_column(Float(53))
    threshold_low: Mapped[float] = mapped_column(Float(53))
    threshold_high: Mapped[float] = mapped_column(Float(53))
    image_check: Mapped[str] = mapped_column(Text)
    inside_lungs: Mapped[float | None] = mapped_column(Float(53))
    study_key: Mapped[str] = mapped_column(String(32), index=True)
    label: Mapped[str] = mapped_column(String(LONGEST_NAME))
    verdicts: Mapped[list[VerdictRow]] = relationship(
        back_populates="reading",
        cascade="all, delete-orphan",
        order_by="VerdictRow.at",
        lazy="selectin",
    )


class VerdictRow(Base):
    """What one reader said of one reading, or of the film before it was shown."""

    __tablename__ = "verdicts"
    __table_args__ = (
        CheckConstraint(_one_of("agreement", AGREEMENTS, empty=True), name="agreement"),
        CheckConstraint(_one_of("finding", FINDINGS, empty=True), name="finding"),
        CheckConstraint(_one_of("phase", PHASES), name="phase"),
        CheckConstraint("confidence BETWEEN 1 AND 5", name="confidence"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    reading_id: Mapped[str] = mapped_column(
        ForeignKey("readings.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcTime)
    reader: Mapped[str] = mapped_column(String(LONGEST_NAME))
    agreement: Mapped[str] = mapped_column(String(10))
    finding: Mapped[str] = mapped_column(String(20))
    confidence: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(Text)
    phase: Mapped[str] = mapped_column(String(10))
    reading: Mapped[ReadingRow] = relationship(back_populates="verdicts")


class AuditRow(Base):
    """Who did what, and how it ended. The database refuses to change or delete a row."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    who: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(200))
    outcome: Mapped[str] = mapped_column(String(20))
