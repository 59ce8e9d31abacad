"""How often a password can be guessed."""

from pathlib import Path

import pytest

from oral_cancer.app import brake
from oral_cancer.app.brake import MOST, SECONDS, Brake
from oral_cancer.app.sessions import Desk
from oral_cancer.app.shelf import Shelf
from tests.app.conftest import LIMITS, Page


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the brake sees, which a test sets."""
    at = [1000.0]
    monkeypatch.setattr(brake.time, "monotonic", lambda: at[0])
    return at


def test_after_too_many_wrong_ones_none_is_looked_at_for_a_while(clock: list[float]) -> None:
    one = Brake()
    for _ in range(MOST):
        assert one.seconds_left("192.0.2.1") == 0
        one.count("192.0.2.1")
    assert one.seconds_left("192.0.2.1") == SECONDS
    assert one.seconds_left("192.0.2.2") == 0
    clock[0] += SECONDS - 1.5
    assert one.seconds_left("192.0.2.1") == 2
    clock[0] += 2
    assert one.seconds_left("192.0.2.1") == 0


def test_a_few_mistakes_a_minute_are_forgiven(clock: list[float]) -> None:
    one = Brake()
    for _ in range(5 * MOST):
        one.count("192.0.2.1")
        assert one.seconds_left("192.0.2.1") == 0
        clock[0] += SECONDS / 2
    assert len(one._tried) == 1


def test_what_is_over_is_forgotten(clock: list[float]) -> None:
    one = Brake()
    for number in range(200):
        one.count(f"192.0.2.{number}")
    clock[0] += SECONDS
    one.count("192.0.2.1")
    assert list(one._tried) == ["192.0.2.1"]


def test_the_addresses_of_an_ipv6_network_count_together(clock: list[float]) -> None:
    one = Brake()
    for number in range(MOST):
        one.count(f"2001:db8::{number}")
    assert one.seconds_left("2001:db8::ffff") == SECONDS
    assert one.seconds_left("2001:db8:1::1") == 0
    one.count("fe80::1%eth0")
    assert one.seconds_left("fe80::1%eth0") == 0


def test_the_page_takes_no_password_after_too_many_wrong_ones(tmp_path: Path) -> None:
    served = Page(Desk(tmp_path, Shelf([tmp_path]), LIMITS, []), "correct horse")
    try:
        known, guessing = served.person(auth=("", "correct horse")), served.person()
        for _ in range(2 * MOST):
            assert guessing.get("/progress").status_code == 401  # without any
        for number in range(MOST):
            assert known.get("/progress").status_code == 200
            assert guessing.get("/progress", auth=("", f"horse {number}")).status_code == 401
        for person in (known, guessing):
            answer = person.get("/progress")
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= SECONDS
            assert answer.text.startswith("too many wrong passwords; try again in ")
    finally:
        served.stop()
