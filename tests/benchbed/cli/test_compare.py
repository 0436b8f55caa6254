"""Tests of `benchbed compare`."""

import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(once, bench_here):
    """Return a folder with a small study and a copy of it."""

    def fill(path):
        options = ("-p", "quadratic", "-o", "gd", "--preset", "quick", "--steps", "30", "--seeds", "2")
        assert bench_here(path, "run", *options, "-O", "a").returncode == 0
        shutil.copytree(path / "a", path / "b")

    return once("compare", fill)


def test_equal_studies_have_no_differences(folder, bench):
    """The exit code is 0, and each difference is 0."""
    process = bench(folder, "compare", "a", "b", "--fail-if-worse", "0")
    assert process.returncode == 0, process.stderr
    assert all(line.startswith("+0.000 [+0.000, +0.000]") for line in process.stdout.splitlines())


def test_csv_has_all_columns(folder, bench_here):
    """It is meant for programs."""
    process = bench_here(folder, "compare", "a", "b", "--format", "csv")
    assert (
        process.stdout.splitlines()[0]
        == "problem,optimizer,track,before,after,difference,low,high,p_value,is_exact"
    )


def test_a_missing_folder_exits_with_3(folder, bench_here):
    """The error names it."""
    process = bench_here(folder, "compare", "a", "nowhere")
    assert process.returncode == 3
    assert "nowhere" in process.stderr


def test_a_difference_without_an_interval_has_the_reason(tmp_path, bench_here):
    """One problem is deterministic, and the other has a single seed, so that no fall is significant."""
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
    process = bench_here(tmp_path, "compare", "a", "a", "--fail-if-worse", "0")
    assert process.returncode == 0
    exact, sampled, overall = process.stdout.splitlines()
    assert exact.startswith("+0.000 exact ")
    assert sampled.startswith("+0.000 one seed ")
    assert overall.startswith("+0.000 one seed ")
    assert "with one seed there is no interval, so that no fall is significant" in process.stderr
