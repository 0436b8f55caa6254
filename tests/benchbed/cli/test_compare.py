"""`benchbed compare` prints the changes and fails where it was asked to."""

import shutil

import pytest


@pytest.fixture(scope="module")
def folder(once, bench_here):
    """A small study and a copy of it."""

    def fill(place):
        options = ("-p", "quadratic", "-o", "gd", "--preset", "quick", "--steps", "30", "--seeds", "2")
        assert bench_here(place, "run", *options, "-O", "a").returncode == 0
        shutil.copytree(place / "a", place / "b")

    return once("compare", fill)


def test_equal_studies_pass(folder, bench):
    """Exit 0, and every line says that nothing changed."""
    done = bench(folder, "compare", "a", "b", "--fail-if-worse", "0")
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("+0.000 [+0.000, +0.000]") for line in done.stdout.splitlines())


def test_csv_has_every_column(folder, bench_here):
    """For those who compute with it."""
    done = bench_here(folder, "compare", "a", "b", "--format", "csv")
    assert (
        done.stdout.splitlines()[0]
        == "problem,optimizer,track,before,after,difference,low,high,p_value,is_exact"
    )


def test_a_folder_that_is_none_exits_with_3(folder, bench_here):
    """And says which."""
    done = bench_here(folder, "compare", "a", "nowhere")
    assert done.returncode == 3
    assert "nowhere" in done.stderr


def test_what_has_no_interval_says_why(tmp_path, bench_here):
    """Nothing is random in one problem, and the other has a single seed: then no fall can count, and a line says so."""
    options = (
        "-p",
        "quadratic[start=2]",
        "-p",
        "quadratic",
        "-o",
        "gd",
        "--track",
        "default",
        "--steps",
        "30",
    )
    assert (
        bench_here(tmp_path, "run", *options, "--preset", "quick", "--seeds", "1", "-O", "a").returncode == 0
    )
    done = bench_here(tmp_path, "compare", "a", "a", "--fail-if-worse", "0")
    assert done.returncode == 0
    exact, sampled, overall = done.stdout.splitlines()
    assert exact.startswith("+0.000 exact ")
    assert sampled.startswith("+0.000 one seed ")
    assert overall.startswith("+0.000 one seed ")
    assert "with one seed there is no interval, so that no fall counts as worse" in done.stderr
