"""A pack's tables of words, by which what is said is judged: read, compiled once, and a text marked by them.

A word is compared without case, accents and common endings, so that five languages need one rule and no dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from harness.errors import InputError
from harness.files import STRICT, read_toml, read_whole, validated
from harness.simulation.stems import LONGEST_WORD, clauses_of, stem, words_of
from harness.tables import toml_line

Tables = Mapping[str, str]
_EXACT = ("negations", "claims", "began", "acts", "agrees", "reveals")  # "I turned" is a claim, "should I turn" is none
_UNMARKED: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class WordsFile:
    """The file that `words` of a pack names; each table maps languages to entries parted by commas.

    Attributes:
        joins: Words between a hundred and what is below it.
        choices: Words between two things to choose from.
        numbers: The words of 0 to 99, in order; a bar parts those of one number.
        hundreds: The words of 100, 200 ... 900.
        small: Words without content.
        polite: Courtesies.
        negations: Words that negate.
        turns: Words that change the sense of what is told.
        would: Words of what would happen; where the command's own matter is spoken of they say why not.
        able: Words of being able or allowed; with a negation beside them they say why not.
        why: Why something is not done.
        progress: Words that an unasked log line may hold: of beginning, going on and being done.
        neutral: Words that a reason or question may hold whatever the command was.
        agrees: Agreeing, which a refusal contradicts itself by.
        claims: Having done what was asked.
        began: Openings of such a claim, which one of `acts` completes.
        acts: What was done, as participles.
        reveals: Openings behind which something secret is told.
        asks: What makes a sentence a question, beside its mark.
        missing: What a question can ask for -> the words that ask for it.
        skills: Rows of words for what the robot can do, for questions.
        alike: Rows of words that speak of the same matter; behind a colon, those that do so in commands only.
    """

    __pydantic_config__ = STRICT
    joins: str = ""
    choices: str = ""
    numbers: Tables = field(default_factory=dict)
    hundreds: Tables = field(default_factory=dict)
    small: Tables = field(default_factory=dict)
    polite: Tables = field(default_factory=dict)
    negations: Tables = field(default_factory=dict)
    turns: Tables = field(default_factory=dict)
    would: Tables = field(default_factory=dict)
    able: Tables = field(default_factory=dict)
    why: Tables = field(default_factory=dict)
    progress: Tables = field(default_factory=dict)
    neutral: Tables = field(default_factory=dict)
    agrees: Tables = field(default_factory=dict)
    claims: Tables = field(default_factory=dict)
    began: Tables = field(default_factory=dict)
    acts: Tables = field(default_factory=dict)
    reveals: Tables = field(default_factory=dict)
    asks: Tables = field(default_factory=dict)
    missing: Mapping[str, Tables] = field(default_factory=dict)
    alike: Tables = field(default_factory=dict)
    skills: Tables = field(default_factory=dict)


class Unit(NamedTuple):
    """A word or a phrase of the tables, as stems, and the tables that it is in; those of one language as `small.en`."""

    words: tuple[str, ...]
    tags: frozenset[str]


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Compiled tables; all empty for a pack without.

    Attributes:
        languages: Those of the tables.
        missing: What a question can ask for.
        numbers: Words -> number.
        phrases: Stems -> tables.
        starts: Beginnings of words -> tables.
        exact: The same of the tables that tell tenses apart: words -> tables.
        longest: First stem -> words of the longest phrase that begins so.
    """

    languages: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    joins: frozenset[str] = frozenset()
    numbers: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    phrases: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    exact: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    starts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def of_questions(self) -> Lexicon:
        """The same without the words that only a command is looked through for."""
        return self._without("cue")

    @cached_property
    def of_reasons(self) -> Lexicon:
        """The same without the words that only a command or a question is looked through for."""
        return self._without("cue", "missing", "asks", "skills")

    def _without(self, *tables: str) -> Lexicon:
        kept = {key: frozenset(tag for tag in tags if not tag.startswith(tables)) for key, tags in self.phrases.items()}
        return replace(self, phrases={key: tags for key, tags in kept.items() if tags})

    def clauses(self, text: str) -> tuple[tuple[Unit, ...], ...]:
        """A text as marked words, parted at its punctuation; models often say the same."""
        return _clauses(self, text)

    def stems(self, text: str) -> tuple[str, ...]:
        """The stems of a text's words, numbers as digits."""
        return _stems(self, text)

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
                tags = self.phrases.get(key, _UNMARKED) | self.exact.get(tuple(words[at : at + length]), _UNMARKED)
                units.append(Unit(key, tags | self._started(word) if length == 1 else tags))
                covered = at + length
        return tuple(units)

    def _started(self, word: str) -> frozenset[str]:
        found = [self.starts[word[:size]] for size in range(2, len(word) + 1) if word[:size] in self.starts]
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

    def language(self, text: str) -> tuple[str, ...]:
        """The languages whose small words a text has most of; all where none shows."""
        units = [unit for clause in self.clauses(text) for unit in clause]
        counts = {one: sum(f"small.{one}" in unit.tags for unit in units) for one in self.languages}
        most = max(counts.values(), default=0)
        return tuple(one for one, count in counts.items() if count == most)


NO_WORDS = Lexicon()


@lru_cache(maxsize=4096)
def _stems(lexicon: Lexicon, text: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in lexicon.with_digits(words_of(text)))


@lru_cache(maxsize=4096)
def _clauses(lexicon: Lexicon, text: str) -> tuple[tuple[Unit, ...], ...]:
    return tuple(lexicon.mark(clause) for clause in clauses_of(text))


def load_words(path: Path | None) -> Lexicon:
    """The tables of a pack; empty ones where it names none.

    Raises:
        InputError: the file cannot be read, has an unknown table, or not a hundred numbers; with file and line.
    """
    if path is None:
        return Lexicon()
    raw = read_toml(path)
    file = validated(WordsFile, raw, path, "a file of words")
    for name, wanted in (("numbers", 100), ("hundreds", 9)):
        for language, entries in getattr(file, name).items():
            if (count := len(_entries(entries))) != wanted:
                line = toml_line(read_whole(path), (name, language))
                raise InputError(f"{name}.{language} has {count} entries, not {wanted}", path=path, line=line)
    return _compiled(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _compiled(path: Path, _changed: int) -> Lexicon:
    file = validated(WordsFile, read_toml(path), path, "a file of words")
    numbers: dict[tuple[str, ...], int] = {}
    for first, step, tables in ((0, 1, file.numbers), (100, 100, file.hundreds)):
        for entries in tables.values():
            for count, entry in enumerate(_entries(entries)):
                for one in entry.casefold().replace("-", " ").split("|"):
                    spelled = tuple(one) if one >= "\u3040" else tuple(one.split())  # with its accents
                    numbers |= dict.fromkeys((spelled, tuple(words_of(one))), first + step * count)
    plain = Lexicon(numbers=numbers, joins=frozenset(words_of(file.joins)))
    phrases: dict[tuple[str, ...], set[str]] = {}
    exact: dict[tuple[str, ...], set[str]] = {}
    starts: dict[str, set[str]] = {}
    for table, language, entry in _all_entries(file):
        words = plain.with_digits(words_of(entry))
        tags = {table, f"{table}.{language}"} if language else {table}
        if entry.endswith("*") and len(words) == 1:
            starts.setdefault(words[0], set()).update(tags)
        elif table in _EXACT:
            exact.setdefault(tuple(words), set()).update(tags)
        else:
            phrases.setdefault(tuple(map(stem, words)), set()).update(tags)
    negating = {key[0] for key, tags in exact.items() if "negations" in tags and len(key) == 1}
    longest: dict[str, int] = {}
    firsts = [(key[0], key, tags) for key, tags in phrases.items()]
    firsts += [(stem(key[0]), key, tags) for key, tags in exact.items()]
    for beginning, key, tags in firsts:
        longest[beginning] = max(longest.get(beginning, 1), len(key))
        if not negating.isdisjoint(key):
            tags.add("negations")
        parts = [phrases.get((word,), set()) for word in key] if len(key) > 1 else []
        light = all(not some.isdisjoint(("small", "asks")) for some in parts)
        for some in parts:  # a phrase is about what its words are; of small words alone it asks for what they ask for
            tags.update(
                tag for tag in some if tag.startswith(("asks", "alike", "missing") if light else ("asks", "alike"))
            )
    return Lexicon(
        languages=tuple(file.small),
        missing=tuple(file.missing),
        joins=plain.joins,
        numbers=numbers,
        phrases={key: frozenset(tags) for key, tags in phrases.items()},
        exact={key: frozenset(tags) for key, tags in exact.items()},
        starts={key: frozenset(tags) for key, tags in starts.items()},
        longest=longest,
    )


def _all_entries(file: WordsFile) -> Iterator[tuple[str, str, str]]:
    """Table, language and entry of all tables but those of numbers; a row of `alike` is a table of its own."""
    tables: dict[str, Tables] = {
        one.name: getattr(file, one.name)
        for one in fields(file)
        if one.name not in ("joins", "choices", "numbers", "hundreds", "missing", "alike", "skills")
    }
    tables["choices"] = {"": file.choices}
    tables |= {f"missing.{kind}": entries for kind, entries in file.missing.items()}
    for table, row, entries in [
        *(("alike", *row) for row in file.alike.items()),
        *(("skills", *row) for row in file.skills.items()),
    ]:
        words, _, cues = entries.partition(":")
        tables |= {f"{table}.{row}": {"": words}, f"cue.{table}.{row}": {"": cues}}
    for table, by_language in tables.items():
        for language, entries in by_language.items():
            yield from ((table, language, entry) for entry in _entries(entries) if words_of(entry))


def _entries(text: str) -> list[str]:
    return [entry for part in text.split(",") if (entry := part.strip())]
