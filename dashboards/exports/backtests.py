"""What a file of a backtest's rows says about itself."""

from makegood.dashboards.exports.files import About
from makegood.dashboards.figures.backtests import DESCRIPTIONS, Backtest
from makegood.dashboards.figures.style import timestamp


def about(backtest: Backtest) -> About:
    """Title, notes and columns of a file of the rows of a backtest."""
    notes = {
        "Proposed contracts": str(backtest.contracts),
        "Compared with": f"run {backtest.run_id}",
        "Made": timestamp(backtest.made_at),
        **{f"Note {number}": note for number, note in enumerate(backtest.notes, 1)},
    }
    return About("Backtest", backtest.as_of, notes=notes, columns=DESCRIPTIONS)
