"""Misspelt, malformed or impossible input exits with 2, has a message and writes nothing."""

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
    "a rate that is NaN": (["-p", "quadratic", "-o", "gd[learning_rate=nan]"], "nan"),
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
    "zero steps": ([*PAIR, "--steps", "0"], "steps"),
    "too many seeds": ([*PAIR, "--seeds", "1000000000"], "seeds"),
    "no CUDA": ([*PAIR, "--device", "cuda"], "torch finds no CUDA device; use --device cpu"),
    "an unknown device": ([*PAIR, "--device", "abacus"], "unknown device 'abacus'"),
    "an unknown preset": ([*PAIR, "--preset", "quik"], "unknown preset 'quik'; did you mean 'quick'?"),
    "an unknown track": ([*PAIR, "--track", "fast"], "track"),
    "an unknown executor": ([*PAIR, "--executor", "serail"], "did you mean 'serial'?"),
    "a missing plugin file": ([*PAIR, "--plugin", "nowhere.py"], "nowhere.py"),
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
def results(run_once, run_in_process):
    """Return the folder of all commands, and the exit code, stdout and stderr of each."""

    def fill(folder):
        commands = {}
        for case, (options, _) in OPTIONS.items():
            quick = [] if "--preset" in options else ["--preset", "quick"]
            commands[case] = ["run", *quick, *options, "-O", "study"]
        for case, (content, _) in SUITES.items():
            suite = folder / f"{case}.toml"
            suite.write_bytes(content)
            commands[suite.name] = ["run", suite.name, "-O", "study"]
        processes = {case: run_in_process(folder, *command) for case, command in commands.items()}
        outputs = {
            case: [process.returncode, process.stdout, process.stderr] for case, process in processes.items()
        }
        (folder / "outputs.json").write_text(json.dumps(outputs))

    folder = run_once("bad-input", fill)
    return folder, json.loads((folder / "outputs.json").read_text())


def check_rejection(result, text):
    """Check for exit code 2, a message that contains `text`, and an empty stdout."""
    code, output, errors = result
    assert code == 2, errors
    assert text in errors
    assert "Traceback" not in errors
    assert "\x1b" not in errors
    assert output == ""


@pytest.mark.parametrize("case", OPTIONS)
def test_invalid_options_are_rejected(case, results):
    """The message describes the problem and its solution."""
    check_rejection(results[1][case], OPTIONS[case][1])


@pytest.mark.parametrize("case", SUITES)
def test_invalid_suites_are_rejected(case, results):
    """The message has the file and the position."""
    check_rejection(results[1][f"{case}.toml"], SUITES[case][1])
    assert f"{case}.toml" in results[1][f"{case}.toml"][2]


def test_a_rejected_command_writes_nothing(results):
    """Neither the requested folder nor the default one exists."""
    assert {path.suffix for path in results[0].iterdir()} == {".toml", ".json"}


def test_the_installed_command_rejects_input_too(run_benchbed, tmp_path):
    """It prints one line on stderr and writes nothing."""
    result = run_benchbed(tmp_path, "run", "-p", "quartik", "-o", "gd")
    check_rejection((result.returncode, result.stdout, result.stderr), "did you mean 'quartic'?")
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_selected_exits_with_5(run_in_process, tmp_path):
    """An empty selection is valid, but there is nothing to run."""
    (tmp_path / "mine.toml").write_text("problems = []\noptimizers = ['gd']\n")
    result = run_in_process(tmp_path, "run", "mine.toml", "-O", "study")
    assert result.returncode == 5
    assert "no problems are selected" in result.stderr
    assert not (tmp_path / "study").exists()
