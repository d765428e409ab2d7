"""The pair that must never drift apart: the journal and the state it leads to."""

from collections import Counter

from trade.journal.events import Event
from trade.journal.journal import Journal
from trade.journal.state import SessionState, state_from_journal


class SessionLog:
    """Writes a record, then applies it: what is in memory is what a restart would find.

    Args:
        journal: An open journal; what it already holds is folded first.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.state: SessionState = state_from_journal(journal.recovered)
        self.counts = Counter(record.kind for record in journal.recovered)

    def record(self, event: Event) -> None:
        """Append to the journal, then to the state.

        Raises:
            PloutosError: the journal could not be written; the state is unchanged.
        """
        self._journal.append(event)
        self.state.apply(event)
        self.counts[event.kind] += 1
