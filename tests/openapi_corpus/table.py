"""What became of all documents, as a table and as a verdict."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.openapi_corpus.workers import Done

FEWEST_DOCUMENTS = 2_000
LEAST_ACCOUNTED = 0.995
SHOWN_REASONS = 40
SHOWN_WRONG = 20
SHOWN_SLOW = 5


@dataclass
class Tally:
    """The sums over all documents."""

    documents: int = 0
    operations: int = 0
    tools: int = 0
    promised: int = 0
    asked: int = 0
    crashes: int = 0
    timeouts: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, done: Done, name: str) -> None:
        """Counts one document."""
        self.documents += 1
        self.slowest = sorted([*self.slowest, (done.seconds, name)], reverse=True)[:SHOWN_SLOW]
        if done.outcome is None:
            self.timeouts += done.timed_out
            self.crashes += not done.timed_out
            self.wrong.append(f"{name}: {done.crash or f'not done after {done.seconds:.0f} s'}")
            return
        outcome = done.outcome
        self.operations += outcome.operations
        self.tools += outcome.tools
        self.promised += outcome.promised
        self.asked += outcome.asked
        self.refused += outcome.refused
        self.wrong += [f"{name}: {problem}" for problem in outcome.wrong]
        if outcome.unread:
            self.unread[outcome.unread] += 1

    @property
    def accounted(self) -> float:
        """The share of operations that are tools, or refused with the reason."""
        return (self.tools + self.refused.total()) / max(self.operations, 1)

    def is_good(self, fewest: int = FEWEST_DOCUMENTS) -> bool:
        """Whether nothing crashed, hung or went wrong, and nearly all operations are accounted for."""
        read = self.documents - self.unread.total()
        return not self.wrong and read >= fewest and self.accounted >= LEAST_ACCOUNTED

    def lines(self) -> Iterator[str]:
        """The table."""
        read = self.documents - self.unread.total()
        share = self.tools / max(self.operations, 1)
        yield f"documents   {self.documents:>9,}   read {read:,}; {self.asked} had to be told their server"
        yield f"operations  {self.operations:>9,}"
        yield f"tools       {self.tools:>9,}   {share:.2%}; {self.promised:,} promise the schema of their answer"
        yield f"refused     {self.refused.total():>9,}   by name, with the reason:"
        yield from (f"{count:>21,}   {reason}" for reason, count in self.refused.most_common(SHOWN_REASONS))
        yield from (f"{count:>21,}   a whole document: {reason}" for reason, count in self.unread.most_common())
        yield f"accounted   {self.accounted:>9.2%}   at least {LEAST_ACCOUNTED:.1%} are asked for"
        yield f"crashes     {self.crashes:>9,}"
        yield f"time-outs   {self.timeouts:>9,}"
        yield "slowest     " + ", ".join(f"{name} {seconds:.1f} s" for seconds, name in self.slowest)
        yield from (f"WRONG: {problem}" for problem in self.wrong[:SHOWN_WRONG])
