"""Which words count for nothing, and which say the same, by language: the guard's only knowledge.

Every other word counts to the letter, so what is not here is a miss and never a wrong answer. A row
of ``same`` is one idea: its words stand for its first. ``phrases`` are the same for several words.
"""

# ruff: noqa: RUF001 - text of two scripts

from __future__ import annotations

from itertools import product
from typing import NamedTuple


class Lexicon(NamedTuple):
    """Of one language, as written: rows, words apart by blanks, ``/`` between alternatives."""

    known_by: str
    """Small words of this language; a question is in it if they are a fourth of its words."""
    silent: str
    """Words that count for nothing."""
    asking: str
    """Those of them that make a question of a clause that they begin."""
    same: str
    phrases: str
    openers: str
    """Asked without them, it is the same."""
    tellers: str
    """Before one of the ``askers`` they say no more than it does."""
    askers: str
    courtesies: str
    """What is all of a clause, first or last, and could as well be left out."""
    movers: str
    """Words that a clause begins with which may stand first or last."""
    endings: str
    """What is cut off a word that counts, the longest first; a stem keeps four letters."""


class Tongue(NamedTuple):
    """A lexicon, made ready."""

    known_by: frozenset[str]
    silent: frozenset[str]
    asking: frozenset[str]
    same: dict[str, str]
    phrases: dict[str, list[tuple[tuple[str, ...], str]]]
    """By first word, the longest first."""
    openers: dict[str, list[tuple[str, ...]]]
    """The same."""
    tellers: dict[str, list[tuple[str, ...]]]
    askers: frozenset[str]
    courtesies: frozenset[tuple[str, ...]]
    movers: frozenset[str]
    endings: tuple[str, ...]


ENGLISH = Lexicon(
    known_by="a an the is are do does of and or to in on for with from about my your i you it this can"
    " how what which who where when why if please thanks hello two three four"
    " five first second should would could",
    silent="a an the is are am do does very really actually that",
    asking="is are am do does",
    same="""
        2 two
        3 three
        4 four
        5 five
        6 six
        7 seven
        8 eight
        9 nine
        10 ten
        11 eleven
        12 twelve
        1st first
        2nd second
        3rd third
        what which
        i one
        can could able
        should ought
        must need
        delete remove erase
        make create build
        send submit
        begin start launch
        quit exit leave
        fix repair solve resolve
        get obtain fetch retrieve
        load import
        purchase buy
        alter change modify edit
        choose pick select
        big large huge
        biggest largest maximum maximal max
        smallest minimum minimal min least
        quick fast
        quickly fast
        at-once immediately instantly
        cost price
        doctor physician
        film movie
        mobile cellphone
        picture image photo
        summary summarise summarize
        explain describe clarify
        clean tidy
        wrong incorrect
        error fault
        safe safely harmless
        often frequently
        usual typical common
        allow permit
        deny forbid block
        disable deactivate
        enable activate
        differ difference
        learn study
        while but
        kilometre kilometer km
        metre meter
        centimetre centimeter cm
        millilitre milliliter ml
        litre liter
        colour color
    """,
    phrases="""
        how do/can/could/should/would/might i/one/you/we > how
        how to > how
        in what way > how
        in which way > how
        what is the best way to > best how
        what is the/a way to > how
        what is the reason that/why > why
        explain/describe the difference > what difference
        how come > why
        at what/which time > when
        in what/which place > where
        am i allowed/permitted to > may i
        is it allowed/permitted to > may i
        is it ok/okay/fine to > may i
        is it possible to > can i
        have to > must
        has to > must
        turn/switch off > disable
        turn/switch on > enable
        log/sign in > login
        log/sign out > logout
        get rid of > delete
        roll back > undo
        cannot > can not
        most recent > last
        as well as > and
        right away > at-once
        at once > at-once
        straight away > at-once
    """,
    openers="""
        please
        kindly
        could/can/would/will you
        could/can/would/will you please/kindly
        could/can/would/will you help me to
    """,
    tellers="""
        tell/show me
        explain/describe
        explain/describe to me
        do you know
        i want/need to know
        i would like to know
        i wonder
    """,
    askers="what which who whom where when why how if whether",
    courtesies="""
        hi/hello/hey
        hi/hello/hey there/all/everyone/everybody
        good morning/afternoon/evening/day
        please/pls/kindly
        thanks/thx/ty/cheers
        thank you
        thank you very/so much
        thanks a lot
        many thanks
        thanks in advance
        thank you in advance
        thanks and bye
        dear assistant
    """,
    movers="in on at for with without if when while how why where what who after before during from to under"
    " by because since until using today tomorrow yesterday",
    endings="ing ed es s",
)

RUSSIAN = Lexicon(
    known_by="в на с и или не для из от до по к у как что где когда почему кто сколько какой какая мне мой"
    " мою я можно ли это пожалуйста спасибо здравствуйте привет подскажите скажите каким образом",
    silent="это же ли бы то вот есть",
    asking="",
    same="""
        не нет
        2 два две двух
        3 три трёх трех
        4 четыре
        5 пять
        6 шесть
        7 семь
        8 восемь
        9 девять
        10 десять
        1st первый первая первое первую первой
        2nd второй вторая второе вторую
        3rd третий третья третье
        удалить стереть
        отменить откатить
        создать сделать
        приготовить сварить
        включить активировать
        выключить отключить деактивировать
        купить приобрести
        написать составить
        исправить починить
        можно разрешено
        нельзя запрещено
        какой какая какое какие
        цена стоимость
        один одна одно одном
    """,
    phrases="""
        каким образом > как
        сколько стоит/стоят > цена
        какая/какова цена/стоимость > цена
        почему же > почему
        по какой причине > почему
        в какое время > когда
        во сколько > когда
    """,
    openers="""
        пожалуйста
    """,
    tellers="""
        подскажи/подскажите
        скажи/скажите
        объясни/объясните
        расскажи/расскажите
    """,
    askers="что какой какая какое какие кто где когда почему как сколько",
    courtesies="""
        здравствуйте/привет
        добрый день/вечер
        доброе утро
        спасибо
        большое спасибо
        спасибо большое
        заранее спасибо
        пожалуйста
        подскажите/скажите/подскажи/скажи
        подскажите/скажите/подскажи/скажи пожалуйста
    """,
    movers="в во на при с со без для если когда как почему где что кто после до из от к у по"
    " сегодня завтра вчера",
    endings="ами ями ого его ому ему ыми ими ах ях ам ям ов ев ей ой ий ый ая яя ое ее ую юю ом ем"
    " а я о е у ю ы и ь",
)

GERMAN = Lexicon(
    known_by="der die das den dem ein eine einen ist sind ich es und oder nicht im in auf zu von nach mit für"
    " wie was wo wann warum kann man mein meine meinen bitte",
    silent="der die das den dem des ein eine einen einem einer eines ist sind bin es da denn",
    asking="ist sind bin",
    same="""
        nicht nich
        2 zwei
        3 drei
        4 vier
        5 fünf
        6 sechs
        7 sieben
        8 acht
        9 neun
        10 zehn
        1st erste ersten erster erstes
        2nd zweite zweiten zweiter zweites
        3rd dritte dritten dritter drittes
        wieviel wieviele
        welche welcher welches
        ich man
        muss müssen
        löschen entfernen
        kündigen kündige
        erstellen anlegen
        kaufen erwerben
        ändern bearbeiten
        reparieren beheben
        beginnen anfangen
        groß gross
        sofort gleich
    """,
    phrases="""
        wie kann/könnte/muss/soll ich/man > wie ich
        wie viel/viele > wieviel
        wie spät ist es > uhrzeit
        wieviel uhr ist es > uhrzeit
        wie viel uhr ist es > uhrzeit
        was kostet > preis
        was kosten > preis
        wie viel kostet > preis
        wieviel kostet > preis
        wie teuer ist > preis
        ist es erlaubt > darf ich
        warum nur > warum
        um wie viel uhr > wann
    """,
    openers="""
        bitte
    """,
    tellers="""
        sag mir
        sagen sie mir
        erkläre/erklären
                kannst/könntest du mir sagen/erklären
        können/könnten sie mir sagen/erklären
    """,
    askers="was wie warum wo wann wer welche welcher welches wieviel",
    courtesies="""
        hallo/hi/moin/servus
        guten morgen/tag/abend
        bitte
        danke
        vielen dank
        danke schön
        danke im voraus
        vielen dank im voraus
    """,
    movers="in im auf an am bei für mit ohne wenn wann wie warum wo was wer nach vor während aus von zu zum"
    " zur um weil heute morgen gestern",
    endings="ern en er es em n e s",
)


def _alternatives(row: str) -> list[tuple[str, ...]]:
    return list(product(*[word.split("/") for word in row.split()]))


def _rows(text: str) -> list[str]:
    return [row for line in text.splitlines() if (row := line.strip())]


def _by_first(text: str) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for words in [words for row in _rows(text) for words in _alternatives(row)]:
        found.setdefault(words[0], []).append(words)
    for rows in found.values():
        rows.sort(key=len, reverse=True)
    return found


def _ready(lexicon: Lexicon) -> Tongue:
    phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for row in _rows(lexicon.phrases):
        said, _, means = row.partition(">")
        for words in _alternatives(said):
            phrases.setdefault(words[0], []).append((words, means.strip()))
    for found in phrases.values():
        found.sort(key=lambda phrase: -len(phrase[0]))
    return Tongue(
        known_by=frozenset(lexicon.known_by.split()),
        silent=frozenset(lexicon.silent.split()),
        asking=frozenset(lexicon.asking.split()),
        same={
            word: words[0] for words in map(str.split, _rows(lexicon.same)) for word in words[1:]
        },
        phrases=phrases,
        openers=_by_first(lexicon.openers),
        tellers=_by_first(lexicon.tellers),
        askers=frozenset(lexicon.askers.split()),
        courtesies=frozenset(
            [words for row in _rows(lexicon.courtesies) for words in _alternatives(row)]
        ),
        movers=frozenset(lexicon.movers.split()),
        endings=tuple(sorted(lexicon.endings.split(), key=len, reverse=True)),
    )


OTHER = Lexicon(*[""] * len(Lexicon._fields))
"""Any other language: all words count."""
TONGUES = {
    name: _ready(one)
    for name, one in (("en", ENGLISH), ("ru", RUSSIAN), ("de", GERMAN), ("", OTHER))
}
