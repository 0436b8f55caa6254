"""Every module has a test file at the mirrored path, or a reason in the table."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "benchbed",
    "plugins/benchbed_optimizers",
    "plugins/benchbed_course",
    "plugins/benchbed_findings",
    "problems/benchbed_problems",
)

TESTED_ELSEWHERE = {
    "benchbed/__init__.py": "lazy imports: tests/test_architecture.py; the functions: tests/benchbed/test_study.py",
    "benchbed/analysis/carried.py": "tests/benchbed/reports/test_bands.py and tests/benchbed/analysis/test_tidy.py",
    "benchbed/analysis/table_entries.py": "tests/benchbed/analysis/test_findings.py",
    "benchbed/catalog/details.py": "tests/faults/test_broken_plugins.py and tests/benchbed/cli/test_commands.py",
    "benchbed/catalog/parameters.py": "tests/benchbed/catalog/test_validation.py and test_lookup.py",
    "benchbed/catalog/records.py": "records without behaviour",
    "benchbed/catalog/registrar.py": "tests/benchbed/catalog/test_validation.py and test_names.py register objects",
    "benchbed/catalog/torch_references.py": "tests/benchbed/catalog/test_torch_optim.py",
    "benchbed/catalog/torch_signatures.py": "tests/benchbed/catalog/test_torch_classes.py and test_torch_optim.py",
    "benchbed/catalog/sources.py": "tests/faults/test_identity.py edits each kind of file that a plugin consists of",
    "benchbed/checking/": "plugins are checked as a user checks them: tests/benchbed/cli/test_check.py",
    "benchbed/cli/": "commands are tested as a user runs them: tests/benchbed/cli and tests/faults",
    "benchbed/codegen/": "the parts of the generator are tested by their output: the generated code of each operation, "
    "and compiled steps against eager ones in tests/benchbed/engine",
    "benchbed/engine/batch.py": "a record; tests/benchbed/engine/test_run.py runs it",
    "benchbed/engine/block_draws.py": "tests/benchbed/engine/test_sampling.py",
    "benchbed/engine/compilation_check.py": "tests/benchbed/cli/test_check.py, with an operation that is not generated",
    "benchbed/engine/contract.py": "tests/faults/test_contract.py runs plugins with one fault each",
    "benchbed/engine/instance_values.py": "tests/faults/test_contract.py",
    "benchbed/engine/pytrees.py": "tests/benchbed/engine/test_run.py and test_loop.py, on all shapes of states",
    "benchbed/engine/step.py": "tests/benchbed/engine/test_run.py, test_oracle.py and test_gradients.py",
    "benchbed/engine/tile.py": "tests/benchbed/engine/test_run.py compares tiles with whole batches",
    "benchbed/engine/trial_comparison.py": "tests/benchbed/engine/test_independence.py",
    "benchbed/engine/watched_update.py": "tests/benchbed/engine/test_trial_reads.py",
    "benchbed/environment.py": "tests/benchbed/cli/test_run.py and test_verify.py read environments/*.json",
    "benchbed/errors.py": "exceptions without behaviour",
    "benchbed/hookspecs.py": "declarations; the plugins in tests/benchbed/catalog implement them",
    "benchbed/interfaces/": "types of the contract, tested where the core uses them",
    "benchbed/plan/parts.py": "tests/benchbed/plan/test_model.py and test_resolve.py",
    "benchbed/plan/suites.py": "tests/benchbed/plan/test_resolve.py resolves the suites of plans, and devices",
    "benchbed/plan/unplanned.py": "tests/faults/test_planning.py",
    "benchbed/catalog/selector_reader.py": "tests/benchbed/plan/test_selectors.py",
    "benchbed/reports/": "tests/benchbed/reports/test_figures.py draws every plot of a study",
    "benchbed/runner/": "processes are tested as a whole: tests/benchbed/runner/test_workers.py and tests/faults",
    "benchbed/store/lock.py": "tests/faults/test_lost_folders.py removes folders and locks while a study runs",
    "benchbed/store/outputs.py": "tests/faults/test_other_plans.py runs one plan after another in a folder",
    "benchbed/catalog/passed.py": "tests/benchbed/study/test_selection.py",
    "benchbed/study/": "tests/benchbed/test_study.py and tests/benchbed/cli run studies",
    "benchbed/testing/assertions.py": "tests/benchbed/testing/test_optimizers.py and test_problems.py",
    "benchbed/tuning/candidates.py": "tests/benchbed/tuning/test_scheduling.py and test_selection.py",
    "benchbed/verify/": "tests/benchbed/test_verify.py and tests/benchbed/cli/test_verify.py",
    "plugins/benchbed_course/__init__.py": "tests/benchbed_course/test_command.py lists what it registers",
    "plugins/benchbed_course/figure_list.py": "tests/benchbed_problems/test_init.py imports every figure",
    "plugins/benchbed_course/figures/": "tests/benchbed_course/figures draw every figure",
    "plugins/benchbed_findings/": "tests/benchbed_findings/test_command.py computes the findings of the quick parts",
}
"""Reason for a module or for the modules of a folder without a test file at the mirrored path."""


def modules_without_tests():
    """List the modules that define something and have no test file at the mirrored path."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            mirrored = path.relative_to((ROOT / package).parent).parent / f"test_{path.stem.strip('_')}.py"
            body = ast.parse(path.read_text(encoding="utf-8")).body
            defines = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)
            if defines and not (ROOT / "tests" / mirrored).exists():
                yield path.relative_to(ROOT).as_posix()


def test_every_module_has_a_test_file_or_a_reason():
    """A new module without tests fails here."""
    reasons = tuple(TESTED_ELSEWHERE)
    assert [module for module in modules_without_tests() if not module.startswith(reasons)] == []


def test_every_reason_is_needed():
    """A reason whose module is gone, or has a test file now, fails here."""
    modules = list(modules_without_tests())
    unused = [
        reason for reason in TESTED_ELSEWHERE if not any(module.startswith(reason) for module in modules)
    ]
    assert unused == []
