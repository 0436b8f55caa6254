"""A course runs suites, draws their figures, and shows all of them on one page."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchbed.catalog import load_catalog
from benchbed.course import Job, figures_of_parts, plan_of, run_course
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.study import Resources
from benchbed.study.figures import figures_of

COMMAND = str(Path(sys.executable).with_name("benchbed"))
PLUGIN = '''
"""A plugin with figures of its own."""

from pathlib import Path

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Figure, Picture


def draw(study):
    """Draw nothing, and say what was found."""
    assert list(study.results.problems) == ["quadratic[start=2]"]
    found = f"{len(study.trials)} trials of {study.plan.evaluation_seeds} seeds."
    return Picture({"png": b"png", "gif": b"gif"}, found)


def draw_both(one, other):
    """Compare two studies."""
    return Picture({"png": b"png"}, f"Budgets of {one.plan.problems[0].budget} and {other.plan.problems[0].budget}.")


def measure():
    """Measure two numbers."""
    return {"numbers": (1, 2.5)}


def draw_measured(measured):
    """Show what was measured."""
    return Picture({"png": b"png"}, f"The numbers are {measured['numbers']}.")


def fail(study):
    """Fail."""
    raise RuntimeError("no ink")


@hookimpl
def register_suites(register):
    """Enter two suites."""
    folder = Path(__file__).parent
    register(folder / "tiny.toml")
    register(folder / "tiny-full.toml")


@hookimpl
def register_figures(register):
    """Enter figures of two parts, the later first."""
    register(Figure("z10", "Last", draw, suite="tiny", part="Z10"))
    register(Figure("z2-measured", "Measured", draw_measured, measure=measure, part="Z2"))
    register(Figure("z3-fails", "Fails", fail, suite="tiny", part="Z3"))
    register(Figure("z4-both", "Both", draw_both, suite=("tiny-full", "tiny"), part="Z4"))
    register(Figure("apart", "Of no course", draw, suite="tiny"))
'''
SUITE = """# A tiny suite.
name = "{name}"
problems = ["quadratic[start=2]"]
optimizers = ["gd"]
tracks = ["default"]
steps = {steps}
seeds = 1
"""


@pytest.fixture
def plugin(tmp_path):
    """Write the plugin and its suites."""
    for name, steps in (("tiny", 3), ("tiny-full", 7)):
        (tmp_path / f"{name}.toml").write_text(SUITE.format(name=name, steps=steps), encoding="utf-8")
    (tmp_path / "pictures.py").write_text(PLUGIN, encoding="utf-8")
    return tmp_path / "pictures.py"


@pytest.fixture
def job(plugin, tmp_path):
    """Give what runs the plugin's course in this process."""
    told = []
    resources = Resources(jobs=1, executor="serial")
    return Job(
        load_catalog([plugin]), tmp_path / "out", (str(plugin),), resources, fresh=False, tell=told.append
    )


def test_figures_come_in_the_order_of_their_parts(job):
    """Z2 comes before Z10, and what has no part is not of a course."""
    names = [figure.name for figure in figures_of_parts(job.catalog, ["Z10", "z3", "Z2"])]
    assert names == ["z2-measured", "z3-fails", "z10"]


def test_a_page_shows_what_was_drawn(job):
    """Studies, images, captions and the page lie where they are said to."""
    course = run_course(job, ["Z2", "Z10"])
    assert [(one.part, one.caption) for one in course.shown] == [
        ("Z2", "The numbers are [1, 2.5]."),
        ("Z10", "1 trials of 1 seeds."),
    ]
    assert course.lost == 0
    assert (job.folder / "figures" / "z10.gif").read_bytes() == b"gif"
    assert (job.folder / "figures" / "z10.md").read_text() == "# Last\n\n1 trials of 1 seeds.\n"
    assert (job.folder / "studies" / "tiny" / "plan.json").exists()
    page = course.page.read_text(encoding="utf-8")
    assert all(one.files["png"] in page and one.caption in page for one in course.shown)


def test_a_figure_that_fails_is_named_and_keeps_the_others(job):
    """It keeps its place on the page, is counted, and its error is said."""
    course = run_course(job, ["Z2", "Z3", "Z10"])
    assert [bool(one.files) for one in course.shown] == [True, False, True]
    assert course.lost == 1
    assert any("z3-fails" in line and "no ink" in line for line in course.warnings)


def test_a_figure_may_be_drawn_from_several_suites(job):
    """It gets their studies in the order in which it names them, and a suite alone does not draw it."""
    course = run_course(job, ["Z4"])
    assert [one.caption for one in course.shown] == ["Budgets of 7 and 3."]
    assert "drawn from the suites tiny-full and tiny" in course.page.read_text(encoding="utf-8")
    assert {study.name for study in (job.folder / "studies").iterdir()} == {"tiny", "tiny-full"}
    for suite in ("tiny", "tiny-full"):
        assert {figure.name for figure in figures_of(job.catalog, suite)} == {"z10", "z3-fails", "apart"}


def test_the_full_preset_takes_the_full_suite(job):
    """Where there is none, the suite itself; the page names what was run."""
    assert run_course(job, ["Z10"], full=True).shown[0].source == "drawn from the suite tiny-full"
    assert plan_of(job.catalog, "tiny", full=False).problems[0].budget == 3
    assert plan_of(job.catalog, "tiny", full=True).problems[0].budget == 7
    assert plan_of(job.catalog, "tiny-full", full=True).problems[0].budget == 7


def test_trials_that_are_stored_do_not_run_again(job):
    """The second time there is nothing left to run."""
    run_course(job, ["Z10"])
    parts = sorted((job.folder / "studies" / "tiny" / "trials").iterdir())
    run_course(job, ["Z10"])
    assert sorted((job.folder / "studies" / "tiny" / "trials").iterdir()) == parts


def test_an_unknown_part_is_refused(job):
    """With the near spelling."""
    with pytest.raises(UsageError, match=r"unknown part 'Z11'; did you mean 'Z10'\?"):
        run_course(job, ["Z11"])


def test_a_catalog_without_a_course_has_nothing_to_show(monkeypatch):
    """Not an empty page."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "course")
    with pytest.raises(NothingSelectedError):
        figures_of_parts(load_catalog(), [])


def test_the_command_prints_captions_and_the_page(bench, bench_here, plugin, tmp_path):
    """Captions on stdout, progress on stderr; the suite by its name is a study with the same figures."""
    done = bench(tmp_path, "course", "Z2", "Z10", "--plugin", plugin, "-O", "course", "-j", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Z2  Measured"
    assert "    1 trials of 1 seeds." in done.stdout
    assert done.stdout.splitlines()[-1] == "2 figures: course/index.html"
    assert "tiny is done" in done.stderr
    assert bench_here(tmp_path, "course", "Z3", "--plugin", plugin, "-O", "course").returncode == 1
    run = bench_here(tmp_path, "run", "tiny", "--plugin", plugin, "-O", "study", "--format", "json")
    assert (tmp_path / "study" / "figures" / "apart.md").exists()
    assert "could not draw z3-fails" in run.stderr
    assert json.loads(run.stdout)


SLOW = PLUGIN.replace(
    '    raise RuntimeError("no ink")\n',
    '    (Path(__file__).parent / "drawing").touch()\n    time.sleep(600)\n',
).replace("from pathlib import Path\n", "import time\nfrom pathlib import Path\n")


def test_an_interrupted_course_ends(plugin, tmp_path, surroundings):
    """While one figure is drawn and others wait their turn; what had finished is stored."""
    plugin.write_text(SLOW, encoding="utf-8")
    command = [COMMAND, "course", "Z3", "Z10", "--plugin", plugin, "-O", "out", "-j", "1"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=surroundings(), stderr=subprocess.PIPE, text=True
    ) as course:
        deadline = time.monotonic() + 120
        while not (tmp_path / "drawing").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        course.send_signal(signal.SIGTERM)
        _, said = course.communicate(timeout=120)
    assert course.returncode == 143
    assert "Traceback" not in said
    assert len(list((tmp_path / "out" / "studies" / "tiny" / "trials").iterdir())) == 1
