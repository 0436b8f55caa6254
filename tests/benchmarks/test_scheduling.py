"""The benchmark of scheduling: closed forms of its shares, and a small version of it."""

import re

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scheduling(benchmarks_on_the_path):
    """Return the script as a module."""
    import scheduling

    return scheduling


def test_the_shares_of_known_runs(benchmarks_on_the_path):
    """Two cores for 10 s, of which batches take 8 s and 6 s, and their processes one second more each."""
    import scheduling_shares

    runs = [scheduling_shares.TimedRun(0.0, 9.0, 8.0), scheduling_shares.TimedRun(3.0, 10.0, 6.0)]
    shares = scheduling_shares.shares_of_runs(runs, 2, planning=1.0, reports=2.0, steps=12.0, storage=0.5)
    assert (shares.running, shares.batches, shares.transfer) == (10.0, 14.0, 2.0)
    assert shares.idle == 2 * 10.0 - 14.0 - 2.0
    assert shares.scheduling == pytest.approx(0.3)
    text = "\n".join(scheduling_shares.lines_of_shares(shares))
    assert "from the first batch to the last result: 10.00 s on 2 cores" in text
    assert "scheduling: 30.0% of the time of the cores" in text


def test_a_small_study_and_two_executors_are_measured(scheduling, monkeypatch, tmp_path):
    """The batches take less than the cores have, and the steps less than the batches."""
    monkeypatch.setenv("PYTHONPATH", "")  # the script sets it for all processes that it starts
    suite = tmp_path / "small.toml"
    suite.write_text('problems = ["quadratic"]\noptimizers = ["gd", "adam"]\nsteps = 50\nseeds = 2\n')
    lines = []
    arguments = ["--suite", str(suite), "--preset", "quick", "-j", "2", "--tasks", "3"]
    scheduling.main([*arguments, "--executors", "serial", "processes"], lines.append)
    seconds = {line[:52].strip(): float(line[52:61]) for line in lines[2:6]}
    total = 2 * float(re.search(r"([0-9.]+) s on 2 cores", lines[0])[1])
    assert 0 < seconds["of these, steps"] <= seconds["batches in their processes"] < total
    assert sum(seconds.values()) - seconds["of these, steps"] == pytest.approx(total, abs=0.05)
    rows = [line.split() for line in lines[-2:]]
    assert [row[0] for row in rows] == ["serial", "processes"]
    assert all(float(number) >= 0 for row in rows for number in row[1:])
    assert float(rows[0][2]) < float(rows[1][2])  # a process costs time
    assert all(float(row[3]) > 0 for row in rows)
