"""Rows 21, 22 and 25: what is misspelt, malformed or impossible ends with 2, says where, and writes nothing."""

import pytest

QUICK = ["--preset", "quick", "--steps", "30"]
PAIR = ["-p", "quadratic", "-o", "gd"]

OPTIONS = {
    "an unknown problem": (["-p", "quartik", "-o", "gd"], "unknown problem 'quartik'; did you mean 'quartic'?"),
    "another case": (["-p", "quadratic", "-o", "Adam"], "did you mean 'adam'?"),
    "an unknown key": (["-p", "quadratic", "-o", "adam[learningrate=1]"], "did you mean 'learning_rate'?"),
    "a key twice": (["-p", "quadratic", "-o", "adam[beta1=0.5, beta1=0.6]"], "beta1"),
    "a rate that is no number": (["-p", "quadratic", "-o", "gd[learning_rate=nan]"], "nan"),
    "a negative rate": (["-p", "quadratic", "-o", "gd[learning_rate=-1]"], "learning_rate"),
    "a text for a number": (["-p", "quadratic", "-o", "gd[learning_rate=fast]"], "learning_rate"),
    "a huge grid": (["-p", "quadratic", "-o", f"adam[{', '.join(f'{key}={[k / 1000 for k in range(1, 400)]}' for key in ('learning_rate', 'beta1', 'beta2'))}]"], "ask for at most"),
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


def check(result, text, folder):
    """Check for exit 2, one sentence that holds `text`, and nothing written."""
    assert result.returncode == 2, result.stderr
    assert text in result.stderr
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr
    assert result.stdout == ""
    assert not (folder / "results").exists()
    assert not (folder / "study").exists()


@pytest.mark.parametrize("case", OPTIONS)
def test_options_that_make_no_sense_are_refused(case, bench, tmp_path):
    """The message says what is wrong and what to do."""
    options, text = OPTIONS[case]
    quick = [] if "--preset" in options else ["--preset", "quick"]
    check(bench(tmp_path, "run", *quick, *options, "-O", "study"), text, tmp_path)


@pytest.mark.parametrize("case", SUITES)
def test_suites_that_are_none_are_refused(case, bench, tmp_path):
    """The message names the file and the place."""
    content, text = SUITES[case]
    (tmp_path / "mine.toml").write_bytes(content)
    result = bench(tmp_path, "run", "mine.toml", "-O", "study")
    check(result, text, tmp_path)
    assert "mine.toml" in result.stderr


def test_nothing_selected_exits_with_5(bench, tmp_path):
    """An empty selection is valid, and still no benchmark."""
    (tmp_path / "mine.toml").write_text("problems = []\noptimizers = ['gd']\n")
    result = bench(tmp_path, "run", "mine.toml", "-O", "study")
    assert result.returncode == 5
    assert "no problems are selected" in result.stderr
    assert not (tmp_path / "study").exists()
