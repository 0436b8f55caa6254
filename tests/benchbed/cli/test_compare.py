"""Tests of `benchbed compare`."""

import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(run_once, run_in_process):
    """Return a folder with a small study and a copy of it."""

    def fill(path):
        options = ("-p", "quadratic", "-o", "gd", "--preset", "quick", "--steps", "30", "--seeds", "2")
        assert run_in_process(path, "run", *options, "-O", "a").returncode == 0
        shutil.copytree(path / "a", path / "b")

    return run_once("compare", fill)


def test_equal_studies_have_no_differences(folder, run_benchbed):
    """The exit code is 0, and each difference is 0."""
    process = run_benchbed(folder, "compare", "a", "b", "--fail-if-worse", "0")
    assert process.returncode == 0, process.stderr
    assert all(line.startswith("+0.000 [+0.000, +0.000]") for line in process.stdout.splitlines())


def test_csv_has_all_columns(folder, run_in_process):
    """It is meant for programs."""
    process = run_in_process(folder, "compare", "a", "b", "--format", "csv")
    assert (
        process.stdout.splitlines()[0]
        == "problem,optimizer,track,before,after,difference,low,high,p_value,is_exact"
    )


def test_a_missing_folder_exits_with_3(folder, run_in_process):
    """The error names it."""
    process = run_in_process(folder, "compare", "a", "nowhere")
    assert process.returncode == 3
    assert "nowhere" in process.stderr


def test_a_difference_without_an_interval_has_the_reason(tmp_path, run_in_process):
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
        run_in_process(tmp_path, "run", *options, "--preset", "quick", "--seeds", "1", "-O", "a").returncode
        == 0
    )
    process = run_in_process(tmp_path, "compare", "a", "a", "--fail-if-worse", "0")
    assert process.returncode == 0
    exact, sampled, overall = process.stdout.splitlines()
    assert exact.startswith("+0.000 exact ")
    assert sampled.startswith("+0.000 one seed ")
    assert overall.startswith("+0.000 one seed ")
    assert "with one seed there is no interval, so that no fall is significant" in process.stderr
