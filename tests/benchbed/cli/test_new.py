"""`benchbed new` writes plugins that the other commands take at once."""

import pytest


def test_a_new_optimizer_runs(run_in_process, tmp_path):
    """By the command that is printed after the path of the file."""
    result = run_in_process(tmp_path, "new", "optimizer", "my-rule")
    assert (result.returncode, result.stdout) == (0, "my_rule.py\n")
    command = result.stderr.splitlines()[-1].split()
    assert command[:4] == ["benchbed", "run", "--plugin", "my_rule.py"]
    arguments = [word for word in command[1:] if word != "--open"]
    assert run_in_process(tmp_path, *arguments, "--steps", "5", "--seeds", "2").returncode == 0


def test_a_new_problem_is_registered(run_in_process, tmp_path):
    """In a folder of choice, which is created."""
    result = run_in_process(tmp_path, "new", "problem", "my-bowl", "-O", "plugins")
    assert (result.returncode, result.stdout) == (0, "plugins/my_bowl.py\n")
    listed = run_in_process(tmp_path, "list", "my-bowl", "--plugin", "plugins/my_bowl.py")
    assert listed.stdout.startswith("my-bowl  (plugins/my_bowl.py)\n")


@pytest.mark.parametrize("content", ["optimizer", "problem"])
def test_a_new_package_has_all_files(content, run_in_process, tmp_path):
    """Its folder has the name of the distribution."""
    result = run_in_process(tmp_path, "new", "package", "mine", "--of", content)
    assert result.returncode == 0
    assert sorted(result.stdout.splitlines()) == [
        "benchbed-mine/.github/workflows/tests.yml", "benchbed-mine/.gitignore", "benchbed-mine/LICENSE",
        "benchbed-mine/README.md", "benchbed-mine/pyproject.toml", "benchbed-mine/src/benchbed_mine/__init__.py",
        "benchbed-mine/src/benchbed_mine/py.typed", "benchbed-mine/tests/test_conformance.py",
    ]  # fmt: skip
    assert all((tmp_path / line).is_file() for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["optimizer", "adam"], "error: optimizer 'adam' is that of plugin 'optimizers' (benchbed "),
        (["optimizer", "mine", "--of", "problem"], "error: --of is the content of a package; leave it out"),
        (["optimizer", "Mine"], "error: name 'Mine' is not allowed"),
    ],
)
def test_wrong_usage_writes_nothing(arguments, message, run_in_process, tmp_path):
    """The sentence names the value and a remedy."""
    result = run_in_process(tmp_path, "new", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
    assert not list(tmp_path.iterdir())
