"""A pack's tables of words, by which what is said is judged: a text marked by them.

A word is compared without case, accents and common endings, so that five languages need one rule and no dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from harness.simulation.stems import LONGEST_WORD, clauses_of, stem, words_of

ROWS = ("alike.", "skills.")


class Unit(NamedTuple):
    """A word or a phrase of the tables, as stems, and the tables that it is in; those of one language as `small.en`."""

    words: tuple[str, ...]
    tags: frozenset[str]


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Compiled tables; all empty for a pack without."""

    languages: tuple[str, ...] = ()  # those of the tables
    missing: tuple[str, ...] = ()  # what a question can ask for
    needs: Mapping[str, str] = field(default_factory=dict)  # rows -> another of which a reason may speak too
    joins: frozenset[str] = frozenset()
    numbers: Mapping[tuple[str, ...], int] = field(default_factory=dict)  # words -> number
    phrases: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)  # stems -> tables
    # The same of the tables that tell tenses apart: words -> tables.
    exact: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    starts: Mapping[str, frozenset[str]] = field(default_factory=dict)  # beginnings of words -> tables
    ends: Mapping[str, frozenset[str]] = field(default_factory=dict)  # endings of words -> tables
    longest: Mapping[str, int] = field(default_factory=dict)  # first stem -> words of the longest phrase that begins so

    @cached_property
    def of_questions(self) -> Lexicon:
        """The same without the words that only a command is looked through for."""
        return self._without("cue")

    @cached_property
    def of_reasons(self) -> Lexicon:
        """The same without the words that only a command or a question is looked through for."""
        return self._without("cue", "missing", "asks", "means", "skills")

    def _without(self, *tables: str) -> Lexicon:
        def kept(found: Mapping[Any, frozenset[str]]) -> dict[Any, frozenset[str]]:
            left = {key: frozenset(tag for tag in tags if not tag.startswith(tables)) for key, tags in found.items()}
            return {key: tags for key, tags in left.items() if tags}

        return replace(self, phrases=kept(self.phrases), starts=kept(self.starts), ends=kept(self.ends))

    @lru_cache(maxsize=4096)  # noqa: B019  a pack's lexicon is kept anyway
    def clauses(self, text: str) -> tuple[tuple[Unit, ...], ...]:
        """A text as marked words, parted at its punctuation; models often say the same."""
        return tuple(self.mark(clause) for clause in clauses_of(text))

    @lru_cache(maxsize=4096)  # noqa: B019  the same
    def spoken(self, text: str) -> tuple[tuple[Unit, ...], ...]:
        """The same with the tables of the text's own language alone: German "was" is "what", English "was" is not."""
        languages = self.language(text)
        return tuple(tuple(_of(unit, languages) for unit in clause) for clause in self.clauses(text))

    @lru_cache(maxsize=4096)  # noqa: B019  a pack's lexicon is kept anyway
    def stems(self, text: str) -> tuple[str, ...]:
        """The stems of a text's words, numbers as digits."""
        return tuple(stem(word) for word in self.with_digits(words_of(text)))

    def mark(self, words: Sequence[str]) -> tuple[Unit, ...]:
        """Words as units, the longest phrase of the tables first; numbers as digits."""
        words = self.with_digits(words)
        stems = [stem(word) for word in words]
        units = []
        covered = 0
        for at, word in enumerate(words):
            length = min(self.longest.get(stems[at], 1), len(stems) - at)
            while (
                length > 1
                and tuple(stems[at : at + length]) not in self.phrases
                and tuple(words[at : at + length]) not in self.exact
            ):
                length -= 1
            if at + length > covered:  # "i have", "have no": phrases may overlap
                key = tuple(stems[at : at + length])
                tags = self.phrases.get(key, frozenset()) | self.exact.get(tuple(words[at : at + length]), frozenset())
                units.append(Unit(key, tags | self._started(word) if length == 1 else tags))
                covered = at + length
        return tuple(units)

    def _started(self, word: str) -> frozenset[str]:
        sizes = range(2, len(word) + 1)
        found = [self.starts[word[:size]] for size in sizes if word[:size] in self.starts]
        found += [self.ends[word[-size:]] for size in sizes if word[-size:] in self.ends]
        return frozenset().union(*found) if found else frozenset()

    def with_digits(self, words: Sequence[str]) -> list[str]:
        """Words with number words as digits: `two hundred and five` is `205`."""
        found: list[str] = []
        at = 0
        while at < len(words):
            number, length = self._number(words, at)
            found.append(str(number) if length else words[at])
            at += length or 1
        return found

    def _number(self, words: Sequence[str], at: int) -> tuple[int, int]:
        """The number that begins at a position, and how many words it takes; (0, 0) for none."""
        for length in range(min(5, len(words) - at), 0, -1):
            number = self.numbers.get(tuple(words[at : at + length]))
            if number is None:
                continue
            if number >= 100:
                after = at + length
                joined = after < len(words) and words[after] in self.joins
                below, more = self._number(words, after + joined)
                if more > 0 and 0 < below < 100:
                    return number + below, length + joined + more
            return number, length
        return self._compound(words[at]) if words[at : at + 1] and len(words[at]) > 8 else (0, 0)

    def _compound(self, word: str) -> tuple[int, int]:
        """A number written as one word, as German does: `zweihundertfünf`."""
        for size in range(4, min(len(word), LONGEST_WORD) - 2):
            high, low = self.numbers.get((word[:size],), 0), self.numbers.get((word[size:],), 0)
            if high >= 100 and 0 < low < 100:
                return high + low, 1
        return 0, 0

    @lru_cache(maxsize=4096)  # noqa: B019  the same
    def language(self, text: str) -> tuple[str, ...]:
        """The languages whose words a text has most of; all where none shows."""
        counts = dict.fromkeys(self.languages, 0)
        for unit in (unit for clause in self.clauses(text) for unit in clause):
            for one in {tag.rpartition(".")[2] for tag in unit.tags} & counts.keys():
                counts[one] += sum(len(word) > 1 or word >= "\u3040" for word in unit.words)
        most = max(counts.values(), default=0)
        return tuple(one for one, count in counts.items() if count * 2 >= most)

    def matters(self, command: str) -> frozenset[str]:
        """The rows that a command speaks of, in its own languages."""
        tags = {tag for clause in self.clauses(command) for unit in clause for tag in unit.tags if tag.count(".") > 1}
        rows = [tag.removeprefix("cue.").rpartition(".") for tag in tags]
        languages = self.language(command)
        return frozenset(row for row, _, language in rows if row.startswith(ROWS) and language in languages)


NO_WORDS = Lexicon()


def _of(unit: Unit, languages: Sequence[str]) -> Unit:
    """A unit with its tables of some languages, and those of no language."""
    own = {tag for tag in unit.tags if tag.rpartition(".")[2] in languages}
    return Unit(unit.words, frozenset(own.union((tag.rpartition(".")[0] for tag in own), unit.tags & {"choices"})))
