"""Uncertainty of tuned scores that comes from the choice of the setting (protocol, rule 10)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from benchbed.analysis.aggregate import RowLabels
from benchbed.analysis.intervals import DRAWS, RESAMPLING
from benchbed.plan import ProblemPlan
from benchbed.seeds import original_name
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import EvaluatedSetting


def tuning_scores(rows: Iterable[tuple[PairingState, EvaluatedSetting]]) -> dict[RowLabels, np.ndarray]:
    """Return the scores `[settings, seeds]` of the tuning trials that chose the setting of a row, the chosen one first.

    Rows whose setting was not chosen by tuning trials with scores are left out.
    """
    scores: dict[RowLabels, np.ndarray] = {}
    for state, row in rows:
        settings = state.settings_tried(row.entrant, row.track)
        outcomes = state.tuning_outcomes(row.entrant, settings) if len(settings) > 1 else None
        if outcomes is None:
            continue
        # Trials that do not depend on the seed run once or twice, and represent every seed.
        seeds = max(map(len, outcomes))
        of_settings = [np.resize([trial.score for trial in trials], seeds) for trials in outcomes]
        chosen = of_settings.pop(settings.index(row.hyperparameters))
        of_row = np.array([chosen, *of_settings])
        if np.isfinite(of_row).all():
            scores[state.pairing.problem.label, row.entrant.label, row.track] = of_row
    return scores


def selection_shifts(
    scores: Mapping[RowLabels, np.ndarray], problems: Sequence[ProblemPlan]
) -> dict[RowLabels, np.ndarray]:
    """Return the shifts `[DRAWS]` of rows with these `tuning_scores`; `problems` are those of the study.

    Problems of one name resample the same tuning seeds, which are the same instances, and so do all optimizers.
    """
    names = list(dict.fromkeys(original_name(problem.name) for problem in problems))
    of_label = {problem.label: problem for problem in problems}
    return {
        (label, optimizer, track): shifts_of(
            of_row, of_label[label].start_strata, names.index(original_name(of_label[label].name))
        )
        for (label, optimizer, track), of_row in scores.items()
    }


def shifts_of(scores: np.ndarray, start_strata: int = 1, position: int = 0) -> np.ndarray:
    """Compute how much the score varies, `[DRAWS]`, with the settings that resampled tuning seeds select.

    `scores: [settings, seeds]` are those of the tuning trials, the chosen setting first. In each draw the setting with
    the highest mean over resampled seeds is selected, the chosen one among equals; the shift is the difference of their
    mean scores over all seeds, with a random sign: the chosen setting has the highest mean on these seeds, and it is
    not known whether it is the better or the worse one on others. Shifts are added to the resampled means of the
    evaluation; no trial runs again. Resamples and signs are common to all optimizers.

    Source: B. Efron (2014), Estimation and accuracy after model selection, JASA 109, 991–1007: a bootstrap that repeats
    the selection.
    Deviations: settings that were not chosen are evaluated by their tuning trials; the sign; and the factor
    √(m/(m−1)) for m seeds, because a bootstrap of so few values is too narrow by it.
    """
    weights, signs = _tuning_draws(scores.shape[1], start_strata, position)
    # Rounding errors must not select among equal settings: the first one, which is the chosen one, is kept.
    selected = np.argmax(np.round(weights @ scores.T, 12), axis=1)
    means = scores.mean(axis=1)
    seeds = scores.shape[1]
    expansion = math.sqrt(seeds / max(seeds - 1, 1))
    return np.asarray(signs * expansion * (means[0] - means[selected]))


@lru_cache(maxsize=64)
def _tuning_draws(seeds: int, start_strata: int, position: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each tuning seed in each resample, `[DRAWS, seeds]`, and a sign of each, `[DRAWS]`.

    Seeds are resampled within strata of two seeds or more.
    """
    generator = np.random.default_rng([RESAMPLING, seeds, position, start_strata])
    weights = np.empty((DRAWS, seeds))
    strata = start_strata if seeds >= 2 * start_strata else 1
    for stratum in range(strata):
        count = len(range(stratum, seeds, strata))
        weights[:, stratum::strata] = generator.multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return weights / seeds, generator.choice([-1.0, 1.0], size=DRAWS)
