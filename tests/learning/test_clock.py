import pytest

from pneumo_core.training.progress_callback import EpochClock


@pytest.fixture
def clock():
    """Four steps of ten films: the first takes 30 s, the others 2 s; then 6 s of validation."""
    made = EpochClock(epochs=3, steps=4, batch=10)
    made.begin_epoch(100.0)
    for step, now in enumerate((130.0, 132.0, 134.0, 136.0), start=1):
        made.end_step(step, now)
    return made


def test_the_first_step_is_no_measure_of_speed(clock):
    assert clock.start == 30
    assert clock.speed == 5  # 30 films in 6 s


def test_before_the_second_step_nothing_is_promised():
    clock = EpochClock(epochs=3, steps=4, batch=10)
    clock.begin_epoch(0.0)
    clock.end_step(1, 30.0)
    assert clock.left(0, 1) is None
    assert clock.pace() is None


def test_in_the_first_epoch_validation_is_guessed(clock):
    an_epoch = 4 * 2 * 1.1
    assert clock.left(0, 4) == pytest.approx(2 * an_epoch, abs=0.1)
    assert clock.left(0, 2) == pytest.approx(2.5 * an_epoch, abs=0.1)
    assert clock.training == pytest.approx(30 + 3 * an_epoch)
    assert clock.answer == pytest.approx(0.4 / 5)  # of a film's time in training


def test_after_an_epoch_its_time_without_compiling_counts(clock):
    clock.end_training(136.0)
    assert clock.end_epoch(142.0) == 42
    assert clock.epoch_seconds == 14  # four steps of 2 s, and 6 s
    assert clock.left(1, 0) == 28
    assert clock.training == 30 + 3 * 14
    assert clock.left(3, 0) == 0


def test_what_a_later_estimate_goes_by(clock):
    clock.end_training(136.0)
    clock.end_epoch(142.0)
    pace = clock.pace()
    assert pace["train"] == pytest.approx(0.2)
    assert pace["start"] == 30
    assert pace["validation"] == pytest.approx(0.08)  # 0.4 of a training film, ten films held out
    assert pace["save"] == pytest.approx(6 - 0.8)


def test_a_second_epoch_begins_its_own_clock(clock):
    clock.end_training(136.0)
    clock.end_epoch(142.0)
    clock.begin_epoch(142.0)
    clock.end_step(1, 143.0)
    assert clock.speed == 5  # still of the epoch before
    clock.end_step(2, 144.0)
    assert clock.speed == 10
    assert clock.start == 30
