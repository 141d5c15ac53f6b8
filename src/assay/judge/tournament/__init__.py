"""From judgements to win rates: outcomes of both orders, intervals, strengths, planning, and the judge's own record.

Reads records alone, so that everything here can be computed again from a run's files; asks no judge and imports no
model. The path is `read_judgements` → `outcomes` → `win_rates`, `length_controlled`, `rank`; `quality` and `agreement`
speak of the judges, `prompts_needed` of money not yet spent, `ConfidenceSequence` of when to stop.
"""

from assay.judge.tournament.agreement import Agreement, TwoJudges, agreement
from assay.judge.tournament.bradley_terry import Ranking, Strength, rank
from assay.judge.tournament.crossed import Seeds
from assay.judge.tournament.length_control import LengthControlled, length_controlled
from assay.judge.tournament.outcome import Outcome, outcomes, panel
from assay.judge.tournament.planning import prompts_needed, smallest_difference, standard_error
from assay.judge.tournament.quality import JudgeQuality, Share, quality
from assay.judge.tournament.record_file import read_judgements, write_judgements
from assay.judge.tournament.sequential import ConfidenceSequence, Watched, watched
from assay.judge.tournament.win_rate import WinRate, win_rate, win_rates

__all__ = [
    "Agreement",
    "ConfidenceSequence",
    "JudgeQuality",
    "LengthControlled",
    "Outcome",
    "Ranking",
    "Seeds",
    "Share",
    "Strength",
    "TwoJudges",
    "Watched",
    "WinRate",
    "agreement",
    "length_controlled",
    "outcomes",
    "panel",
    "prompts_needed",
    "quality",
    "rank",
    "read_judgements",
    "smallest_difference",
    "standard_error",
    "watched",
    "win_rate",
    "win_rates",
    "write_judgements",
]
