"""Rows 21, 22 and 25: what is misspelt, malformed or impossible ends with 2, says where, and writes nothing."""

import json

import pytest

pytestmark = pytest.mark.slow

PAIR = ["-p", "quadratic", "-o", "gd"]

VALUES = [step / 100 for step in range(1, 65)]
RANGES = (f"{name}={VALUES}" for name in ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay"))
HUGE = f"adamw[{', '.join(RANGES)}]"
OPTIONS = {
    "an unknown problem": (["-p", "quartik", "-o", "gd"], "unknown problem 'quartik'; did you mean 'quartic'?"),
    "another case": (["-p", "quadratic", "-o", "Adam"], "did you mean 'adam'?"),
    "an unknown key": (["-p", "quadratic", "-o", "adam[learningrate=1]"], "did you mean 'learning_rate'?"),
    "a key twice": (["-p", "quadratic", "-o", "adam[beta1=0.5, beta1=0.6]"], "beta1"),
    "a rate that is no number": (["-p", "quadratic", "-o", "gd[learning_rate=nan]"], "nan"),
    "a negative rate": (["-p", "quadratic", "-o", "gd[learning_rate=-1]"], "learning_rate"),
    "a text for a number": (["-p", "quadratic", "-o", "gd[learning_rate=fast]"], "learning_rate"),
    "a huge grid": (["-p", "quadratic", "-o", HUGE], "make 1073741824 settings; ask for at most"),
    "an optimizer twice": ([*PAIR, "-o", "gd"], "selected twice"),
    "deep nesting": (["-p", "quadratic", "-o", f"gd[learning_rate={'[' * 3000}{']' * 3000}]"], "nest"),
    "an open bracket": (["-p", "quadratic", "-o", "gd[learning_rate=1"], "column"),
    "a path for a name": (["-p", "../../x", "-o", "gd"], "'../../x'"),
    "markup for a name": (["-p", "<script>", "-o", "=cmd()"], "<script>"),
    "an escape code for a name": (["-p", "\x1b[31mred", "-o", "gd"], "\\x1b"),
    "a name of 300 letters": (["-p", "x" * 300, "-o", "gd"], "unknown problem"),
    "no steps": ([*PAIR, "--steps", "0"], "steps"),
    "too many seeds": ([*PAIR, "--seeds", "1000000000"], "seeds"),
    "no CUDA": ([*PAIR, "--device", "cuda"], "torch finds no CUDA device; use --device cpu"),
    "an unknown device": ([*PAIR, "--device", "abacus"], "unknown device 'abacus'"),
    "an unknown preset": ([*PAIR, "--preset", "quik"], "unknown preset 'quik'"),
    "an unknown track": ([*PAIR, "--track", "fast"], "track"),
    "an unknown executor": ([*PAIR, "--executor", "serail"], "did you mean 'serial'?"),
    "a plugin file that is none": ([*PAIR, "--plugin", "nowhere.py"], "nowhere.py"),
    "an unknown option": ([*PAIR, "--step", "3"], "--steps"),
}  # fmt: skip

SUITES = {
    "not UTF-8": (b"name = '\xff'", "is not UTF-8 (byte 8)"),
    "not TOML": (b"name = ", "is not valid TOML"),
    "a misspelt key": (b"problem = ['quadratic']", "unknown key 'problem'; did you mean 'problems'?"),
    "a key twice": (b"seeds = 1\nseeds = 2", "is not valid TOML"),
    "a text for a number": (b"seeds = 'many'", "seeds"),
    "deep nesting": (b"problems = " + b"[" * 5000 + b"]" * 5000, "nest"),
    "a gigabyte": (b"#" * 2_000_000, "has more than"),
}


@pytest.fixture(scope="module")
def ends(once, bench_here):
    """Give the end of every line: exit code, stdout and stderr; and the folder where they ran."""

    def fill(folder):
        lines = {}
        for case, (options, _) in OPTIONS.items():
            quick = [] if "--preset" in options else ["--preset", "quick"]
            lines[case] = ["run", *quick, *options, "-O", "study"]
        for case, (content, _) in SUITES.items():
            suite = folder / f"{case}.toml"
            suite.write_bytes(content)
            lines[suite.name] = ["run", suite.name, "-O", "study"]
        done = {case: bench_here(folder, *line) for case, line in lines.items()}
        seen = {case: [end.returncode, end.stdout, end.stderr] for case, end in done.items()}
        (folder / "seen.json").write_text(json.dumps(seen))

    folder = once("bad-input", fill)
    return folder, json.loads((folder / "seen.json").read_text())


def check(end, text):
    """Check for exit 2, one sentence that holds `text`, and nothing on stdout."""
    code, out, errors = end
    assert code == 2, errors
    assert text in errors
    assert "Traceback" not in errors
    assert "\x1b" not in errors
    assert out == ""


@pytest.mark.parametrize("case", OPTIONS)
def test_options_that_make_no_sense_are_refused(case, ends):
    """The message says what is wrong and what to do."""
    check(ends[1][case], OPTIONS[case][1])


@pytest.mark.parametrize("case", SUITES)
def test_suites_that_are_none_are_refused(case, ends):
    """The message names the file and the place."""
    check(ends[1][f"{case}.toml"], SUITES[case][1])
    assert f"{case}.toml" in ends[1][f"{case}.toml"][2]


def test_nothing_is_written_for_what_is_refused(ends):
    """There is neither the folder that was asked for nor the one that is usual."""
    assert {path.suffix for path in ends[0].iterdir()} == {".toml", ".json"}


def test_the_command_itself_ends_like_its_entry_point(bench, tmp_path):
    """One of these lines, typed: exit 2, one line on stderr, nothing on stdout and nothing written."""
    result = bench(tmp_path, "run", "-p", "quartik", "-o", "gd")
    check((result.returncode, result.stdout, result.stderr), "did you mean 'quartic'?")
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_selected_exits_with_5(bench_here, tmp_path):
    """An empty selection is valid, and still no benchmark."""
    (tmp_path / "mine.toml").write_text("problems = []\noptimizers = ['gd']\n")
    result = bench_here(tmp_path, "run", "mine.toml", "-O", "study")
    assert result.returncode == 5
    assert "no problems are selected" in result.stderr
    assert not (tmp_path / "study").exists()
