"""The command `benchbed course` runs suites, draws their figures, and shows all of them on one page."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("benchbed"))
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


def test_help_and_usage(run_in_process, tmp_path):
    """`benchbed --help` lists the command; an unknown part ends with exit code 2, and no part at all with 5."""
    assert "  course " in run_in_process(tmp_path, "--help").stdout
    assert "  benchbed course C7 C8" in run_in_process(tmp_path, "course", "--help").stdout
    assert run_in_process(tmp_path, "course", "D1").returncode == 2


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
