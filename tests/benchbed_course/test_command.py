"""The command `benchbed course` runs suites, draws their figures, and shows all of them on one page."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import benchbed
from benchbed_course.parts import SUBJECTS

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("benchbed"))
MINE = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Optimizer


def mine(learning_rate: Hyperparameter = 0.005):
    def update(oracle, state, theta):
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


@hookimpl
def register_optimizers(register):
    register(mine)
"""
LOST = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Figure


def measure():
    raise RuntimeError("no clock")


def draw(measured):
    raise AssertionError


@hookimpl
def register_figures(register):
    register(Figure("lost", "Lost", draw, measure=measure, part="Z1"))
"""
PLUGIN = Path(__file__).parents[1] / "benchbed" / "study" / "figure_plugin" / "pictures.py"


def test_the_command_prints_captions_and_the_page(run_benchbed, run_in_process, tmp_path):
    """Captions on stdout, progress on stderr; the same suite run by its name writes the same figures."""
    course = run_benchbed(tmp_path, "course", "Z2", "Z10", "--plugin", PLUGIN, "-O", "course", "-j", 1)
    assert course.returncode == 0, course.stderr
    assert course.stdout.splitlines()[0] == "Z2  Measured"
    assert "    1 trials of 1 seeds." in course.stdout
    assert course.stdout.splitlines()[-1] == "2 figures: course/index.html"
    assert "measuring Measured" in course.stderr
    assert "tiny is done" in course.stderr
    page = (tmp_path / "course" / "index.html").read_text(encoding="utf-8")
    assert 'src="figures/z10.png"' in page
    assert f"<code>benchbed run tiny --plugin {PLUGIN}</code>" in page
    assert f'<code class="command">benchbed course Z2 --plugin {PLUGIN} -O course</code>' in page
    assert "1 trials of 1 seeds." in page
    run = run_in_process(tmp_path, "run", "tiny", "--plugin", PLUGIN, "-O", "study", "--format", "json")
    assert (tmp_path / "study" / "figures" / "apart.md").exists()
    assert "could not draw z3-fails" in run.stderr
    assert json.loads(run.stdout)


def test_a_figure_that_fails_is_shown_with_its_error(run_in_process, tmp_path):
    """The exit code is 1, and the page still has a place for the figure."""
    course = run_in_process(tmp_path, "course", "Z3", "--plugin", PLUGIN, "-O", "course")
    assert course.returncode == 1
    assert "could not draw z3-fails" in course.stderr
    assert "It could not be drawn" in (tmp_path / "course" / "index.html").read_text(encoding="utf-8")


def test_a_measurement_that_fails_is_shown_with_its_error(run_in_process, tmp_path):
    """The only figure: nothing else has created the folder of the page."""
    (tmp_path / "lost.py").write_text(LOST, encoding="utf-8")
    course = run_in_process(tmp_path, "course", "Z1", "--plugin", "lost.py", "-O", "new/course")
    assert course.returncode == 1
    assert "no clock" in course.stderr
    page = (tmp_path / "new" / "course" / "index.html").read_text(encoding="utf-8")
    assert "It could not be drawn" in page
    assert "no clock" in page


def test_help_and_usage(run_in_process, tmp_path):
    """`benchbed --help` lists the command; an unknown part ends with exit code 2."""
    assert "  course " in run_in_process(tmp_path, "--help").stdout
    assert "  benchbed course C7 C8" in run_in_process(tmp_path, "course", "--help").stdout
    assert run_in_process(tmp_path, "course", "D1").returncode == 2


@pytest.mark.parametrize("options", [(), ("-o", "adam")])
def test_without_a_figure_of_a_course_nothing_is_drawn(run_in_process, tmp_path, monkeypatch, options):
    """Exit code 5 and one sentence, before a page is written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "course")
        catalog = benchbed.load_catalog()
    monkeypatch.setattr(benchbed, "load_catalog", lambda plugin_files: catalog)
    course = run_in_process(tmp_path, "course", *options)
    assert course.returncode == 5
    assert "no installed plugin registers a figure of a course; see `benchbed list figures`" in course.stderr
    assert not (tmp_path / "results").exists()


def test_a_page_opens_in_a_browser(run_in_process, tmp_path, monkeypatch):
    """--open passes its address on; without a browser a warning names the page."""
    addresses = []
    monkeypatch.setattr("webbrowser.open", lambda address: addresses.append(address) or True)
    arguments = ("course", "Z10", "--plugin", PLUGIN, "-O", "course", "--open")
    assert run_in_process(tmp_path, *arguments).returncode == 0
    assert addresses == [(tmp_path / "course" / "index.html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    course = run_in_process(tmp_path, *arguments)
    assert course.returncode == 0
    assert "no browser could be started; open course/index.html in one" in course.stderr


def test_an_optimizer_of_a_plugin_is_drawn(run_in_process, tmp_path):
    """It is in caption, page and command; the plain course has a folder of its own."""
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    options = ("--plugin", "mine.py", "-o", "mine", "-o", "clip(momentum, norm=2)")
    course = run_in_process(tmp_path, "course", "C8", *options, plots=True)
    assert course.returncode == 0, course.stderr
    assert course.stdout.splitlines()[-1] == "1 figure: results/course-own/index.html"
    caption = " ".join(course.stdout.split())
    assert "The learning rate of mine is its default, 0.005." in caption
    assert re.search(
        r"clip\(momentum\)\[clip_norm=2\] \(η = 0.01\) has a loss of [0-9.]+ after 125 steps", caption
    )
    page = (tmp_path / "results" / "course-own" / "index.html").read_text(encoding="utf-8")
    assert "benchbed course C8 --plugin mine.py -o mine -o &#39;clip(momentum, norm=2)&#39;" in page
    plain = run_in_process(tmp_path, "course", "C8", plots=True)
    assert plain.returncode == 0
    assert "mine" not in plain.stdout
    assert "held another plan" not in plain.stderr


def test_an_optimizer_that_fails_is_named(run_in_process, tmp_path):
    """The figure is drawn, the caption tells the reason, and the exit code is 1; no traceback is printed."""
    source = MINE.replace("return theta -", "raise RuntimeError('no step')\n        return theta -")
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    course = run_in_process(tmp_path, "course", "C8", "--plugin", "mine.py", "-o", "mine", plots=True)
    assert course.returncode == 1
    assert "RuntimeError: no step" in " ".join(course.stdout.split())
    assert "RuntimeError: no step" in course.stderr
    assert "Traceback" not in course.stdout + course.stderr
    assert (tmp_path / "results" / "course-own" / "figures" / "quadratic-rmsprop.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("C12", "-o", "adam"),
            "none of these figures takes optimizers: multiplication-order, reverse-mode-graph, reverse-mode-costs,",
        ),
        (("C7", "-o", "adma"), "unknown optimizer 'adma'; did you mean 'adan'"),
        (("C7", "-o", "adam[learning_rate=fast]"), "learning_rate"),
        (("C7", "-o", "torch.optim:Adma"), "Adma"),
    ],
)
def test_an_optimizer_that_cannot_be_drawn_is_rejected(run_in_process, tmp_path, arguments, message):
    """One sentence and exit code 2, before anything runs."""
    course = run_in_process(tmp_path, "course", *arguments)
    assert course.returncode == 2
    assert message in course.stderr
    assert len(course.stderr.splitlines()) == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("part", SUBJECTS)
def test_the_experiment_of_a_part_runs(run_benchbed, run_in_process, tmp_path, part):
    """The command of the page, in a shell's words; a part has several studies, which need processes."""
    program, *arguments = shlex.split(SUBJECTS[part].experiment.command)
    if program == "python":
        minimum = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert minimum.returncode == 0, minimum.stderr
        assert "Minimum(" in minimum.stdout
        return
    assert program == "benchbed"
    run = run_benchbed if arguments[0] == "course" else run_in_process
    result = run(tmp_path, *arguments)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupted_course_ends(tmp_path, make_environment):
    """While one figure is drawn and others wait; finished trials are stored."""
    folder = shutil.copytree(PLUGIN.parent, tmp_path / "plugin")
    source = PLUGIN.read_text(encoding="utf-8").replace(
        "from pathlib import Path\n", "import time\nfrom pathlib import Path\n"
    )
    source = source.replace(
        '    raise RuntimeError("no ink")\n',
        '    (Path(__file__).parent / "drawing").touch()\n    time.sleep(600)\n',
    )
    (folder / "pictures.py").write_text(source, encoding="utf-8")
    command = [COMMAND, "course", "Z3", "Z10", "--plugin", folder / "pictures.py", "-O", "out", "-j", "1"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=make_environment(), stderr=subprocess.PIPE, text=True
    ) as course:
        deadline = time.monotonic() + 120
        while not (folder / "drawing").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        course.send_signal(signal.SIGTERM)
        _, errors = course.communicate(timeout=120)
    assert course.returncode == 143
    assert "Traceback" not in errors
    assert len(list((tmp_path / "out" / "studies" / "tiny" / "trials").iterdir())) == 1
