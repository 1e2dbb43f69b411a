"""A pack's file of words, read and compiled into a lexicon once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path

from harness.errors import InputError
from harness.files import STRICT, read_toml, read_whole, validated
from harness.parsed import toml_line
from harness.simulation.lexicon import NO_WORDS, Lexicon
from harness.simulation.stems import stem, words_of

Tables = Mapping[str, str]
_EXACT = ("negations", "claims", "began", "acts", "agrees", "reveals")  # "I turned" is a claim, "should I turn" is none


@dataclass(frozen=True, kw_only=True)
class WordsFile:
    """The file that `words` of a pack names; each table maps languages to entries parted by commas."""

    __pydantic_config__ = STRICT
    joins: str = ""  # words between a hundred and what is below it
    choices: str = ""  # words between two things to choose from
    numbers: Tables = field(default_factory=dict)  # the words of 0 to 99, in order; a bar parts those of one number
    hundreds: Tables = field(default_factory=dict)  # the words of 100, 200 ... 900.
    small: Tables = field(default_factory=dict)  # words without content
    polite: Tables = field(default_factory=dict)  # courtesies
    negations: Tables = field(default_factory=dict)  # words that negate
    turns: Tables = field(default_factory=dict)  # words that change the sense of what is told
    # The robot itself; with a negation and the command's own matter they say why not.
    me: Tables = field(default_factory=dict)
    # Words of what would happen; where the command's own matter is spoken of they say why not.
    would: Tables = field(default_factory=dict)
    # Words of being able or allowed; with a negation beside them they say why not.
    able: Tables = field(default_factory=dict)
    # Being unable; a reason where nothing else than the command's own matter is spoken of.
    unable: Tables = field(default_factory=dict)
    # What the robot can do and has: denying that is no reason, where the references' reasons do not deny it too.
    abilities: Tables = field(default_factory=dict)
    why: Tables = field(default_factory=dict)  # why something is not done
    # Words that an unasked log line may hold: of beginning, going on and being done.
    progress: Tables = field(default_factory=dict)
    neutral: Tables = field(default_factory=dict)  # words that a reason or question may hold whatever the command was
    agrees: Tables = field(default_factory=dict)  # agreeing, which a refusal contradicts itself by
    claims: Tables = field(default_factory=dict)  # having done what was asked
    began: Tables = field(default_factory=dict)  # openings of such a claim, which one of `acts` completes
    acts: Tables = field(default_factory=dict)  # what was done, as participles
    reveals: Tables = field(default_factory=dict)  # openings behind which something secret is told
    asks: Tables = field(default_factory=dict)  # what makes a sentence a question, beside its mark
    means: Tables = field(default_factory=dict)  # asking what is meant by words of the command, whatever they are
    # What a question can ask for -> the words that ask for it.
    missing: Mapping[str, Tables] = field(default_factory=dict)
    # Rows of words that speak of the same matter; behind a colon, those that do so in commands only.
    alike: Mapping[str, Tables] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)  # rows of `alike` -> another of which a reason may speak too
    skills: Mapping[str, Tables] = field(default_factory=dict)  # rows of words for what the robot can do, for questions


def load_words(path: Path | None) -> Lexicon:
    """The tables of a pack; empty ones where it names none.

    Raises:
        InputError: the file cannot be read, has an unknown table, or not a hundred numbers; with file and line.
    """
    return NO_WORDS if path is None else _compiled(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=8)
def _compiled(path: Path, _changed: int) -> Lexicon:
    file = validated(WordsFile, read_toml(path), path, "a file of words")
    for name, wanted in (("numbers", 100), ("hundreds", 9)):
        for language, entries in getattr(file, name).items():
            if (count := len(_entries(entries))) != wanted:
                line = toml_line(read_whole(path), (name, language))
                raise InputError(f"{name}.{language} has {count} entries, not {wanted}", path=path, line=line)
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
    ends: dict[str, set[str]] = {}
    for table, language, entry in _all_entries(file):
        words = plain.with_digits(words_of(entry))
        tags = {table, f"{table}.{language}"} if language else {table}
        if "*" in entry and len(words) == 1:
            (ends if entry.startswith("*") else starts).setdefault(words[0], set()).update(tags)
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
        spoken = {tag[-3:] for tag in tags if tag[-3:-2] == "."}  # the languages that the phrase is of
        if not negating.isdisjoint(key):
            tags.update(("negations", *(f"negations{language}" for language in spoken)))
        parts = [phrases.get((word,), set()) for word in key] if len(key) > 1 else []
        light = "small" not in tags and all(not some.isdisjoint(("small", "asks")) for some in parts)
        inheritable: tuple[str, ...] = ("asks", "alike", "missing") if light else ("asks", "alike")
        if "unable" in tags:  # "not see"
            inheritable += ("abilities",)
        for some in parts:  # a phrase is about what its words are; of small words alone it asks for what they ask for
            inherited = {tag for tag in some if tag.startswith(inheritable) and tag[-3:] in spoken}
            tags.update(inherited, (tag[:-3] for tag in inherited))
    return Lexicon(
        languages=tuple(file.small),
        missing=tuple(file.missing),
        needs={f"alike.{row}": f"alike.{other}" for row, other in file.needs.items()},
        joins=plain.joins,
        numbers=numbers,
        phrases={key: frozenset(tags) for key, tags in phrases.items()},
        exact={key: frozenset(tags) for key, tags in exact.items()},
        starts={key: frozenset(tags) for key, tags in starts.items()},
        ends={key: frozenset(tags) for key, tags in ends.items()},
        longest=longest,
    )


def _all_entries(file: WordsFile) -> Iterator[tuple[str, str, str]]:
    """Table, language and entry of all tables but those of numbers; a row of `alike` is a table of its own."""
    tables: dict[str, Tables] = {
        one.name: getattr(file, one.name)
        for one in fields(file)
        if one.name not in ("joins", "choices", "numbers", "hundreds", "missing", "alike", "needs", "skills")
    }
    tables["choices"] = {"": file.choices}
    tables |= {f"missing.{kind}": entries for kind, entries in file.missing.items()}
    rows = {f"{table}.{row}": of for table in ("alike", "skills") for row, of in getattr(file, table).items()}
    for row, of in rows.items():
        tables[row] = {language: entries.partition(":")[0] for language, entries in of.items()}
        tables[f"cue.{row}"] = {language: entries.partition(":")[2] for language, entries in of.items()}
    for table, by_language in tables.items():
        for language, entries in by_language.items():
            yield from ((table, language, entry) for entry in _entries(entries) if words_of(entry))


def _entries(text: str) -> list[str]:
    return [entry for part in text.split(",") if (entry := part.strip())]
