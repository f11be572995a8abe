"""Two words that mean more together than apart, in the languages that write spaces."""

# ruff: noqa: RUF001 - letters of two scripts that look alike

from __future__ import annotations

from collections.abc import Mapping

BEFORE_TONGUE = ("into", "to", "in", "from", "на", "с", "со", "по", "the")
"""What makes a language the one that something is to be said in."""

PHRASES: Mapping[str, str] = {
    "what_is": "what is, what are, what s, what was, что такое, что это, что значит, meaning of",
    "what_does": "what does, what do, что делает, что означает, что означают, does this, как понимать",
    "how_works": "how does, how do, как работает, как работают, как устроен, как устроена, как устроены,"
    " works under, under the, the hood, step by, how are, by line, line by, по строкам, по шагам,"
    " для чего, как происходит, простыми словами, tell me",
    "how_to": "how to, how can, do i, do we, can i, should i, should we, как мне, как нам, как можно,"
    " как правильно, как лучше, как сделать, what should, must i, must we, best way, best practices",
    "how_many": "how many, how much, how far, how tall, how long, how old, how big, сколько в,"
    " сколько будет, сколько лет, how deep, how high, how fast",
    "which_year": "what year, which year, what time, what day, which country, which planet, в каком,"
    " какой город, какая столица, в какой, на какой, какого цвета, какого числа, what color, what colour,"
    " which is, is the, what language",
    "who_did": "who wrote, who invented, who painted, who is, who was, who discovered, who won,"
    " кто написал, кто такой, кто изобрёл, кто изобрел, кто открыл, кто автор, who directed, who sang",
    "differs": "difference between, чем отличается, чем отличаются, чём разница, чем разница, when to,"
    " or should, better than, чем лучше, что лучше, что выбрать, which one, should use",
    "not_work": "not working, t work, t working, not work, no longer, t start, t load, не работает,"
    " не запускается, не работают, не открывается, не грузится, не видит, не находит, не приходит,"
    " не компилируется, не собирается, t compile, t connect, t show, t update, t render, t find, not found,"
    " not updating, not showing, не отображается, не обновляется, не подключается, не сохраняется, t run,"
    " stopped working, t get, does nothing, не получается, не срабатывает, не могу, not return, t return",
    "went_wrong": "going wrong, went wrong, wrong with, root cause, going on, stack trace, doing wrong,"
    " figure out, не так, что делать, чём дело, чем дело, в чём, в чем, fails with, crashes with,"
    " an error, error message, the bug, the error, this error, ошибку в, как исправить, как починить,"
    "  fails when, crashes when, even though, хотя должен, должно быть, supposed to, should be,"
    " instead of, after upgrading, after updating, после обновления",
    "unit_test": "unit test, unit tests, test case, test cases, test suite, test plan, юнит тест, юнит тесты,"
    " тест кейсы, end tests, integration tests, integration test, load test, тест план, edge cases,"
    " test data, тестовые данные, граничные случаи, граничных случаев, tests for, test for, покрой тестами,"
    " тесты для, тесты на, property based, test coverage, write tests, add tests, напиши тесты",
    "list_of": "list of, release notes, api reference, user guide, user manual, список изменений,"
    " руководство пользователя, doc comments, doc comment, inline comments, api docs, design doc",
    "into_form": "async await, class component, without changing, не меняя, same behavior, same behaviour,"
    " code smells, pull request, clean up, design pattern, stay the, the same, single responsibility,"
    " чистый код, public api, from python, instead of, more readable, more efficient, по частям",
    "slow_code": "too slow, speed up, runs slowly, run faster, n 1, o n, слишком медленно, очень медленно,"
    " работает медленно, make it, so slow, reduce memory",
    "sounds": "sound more, more professional, more formal, more polite, make this, make it, sounds like,"
    " cover letter, blog post, thank you, press release, product description, short story, love letter,"
    " social media, job description, об увольнении, сопроводительное письмо, пост для, пост в, письмо с,"
    " текст для, words on, words about, about a, birthday wish, про кота",
    "say_in": "you say, to french, to german, to spanish, to english, to russian, to chinese, to japanese,"
    " into french, into german, into english, into spanish, into russian, into chinese, into japanese,"
    " на английский, на русский, на немецкий, на французский, на испанский, на китайский, по английски,"
    " по испански, по немецки, по французски, по русски, как будет, как сказать, как переводится,"
    " с английского, с русского, с немецкого, с китайского, in french, in german, in spanish, in japanese,"
    " in italian, in russian, in chinese, into italian, to italian, from english, from german, from russian,"
    " на итальянский, на японский, to portuguese, into portuguese, the english, word for",
    "sum_up": "in one, one sentence, key points, main points, bullet points, action items, в одном,"
    " одним предложением, основные мысли, главные мысли, text below, из текста, the text, tl dr",
    "greeting": "how are, are you, good morning, good evening, thank you, как дела, добрый день,"
    " доброе утро, добрый вечер, всё получилось, все получилось, that worked, see you, спасибо большое,"
    " большое спасибо, good night, who are, кто ты, до свидания, как ты, nice to, ok thanks",
    "yes_no": "yes or, or no, да или, или нет, true or, is it, правда ли, верно ли, true that, правда что",
    "for_me": "for me, show me, help me, give me, write me, помоги мне, сделай мне, дай мне",
    "keep_secret": "not share, internal only, internal use, strictly confidential, not distribute,"
    " trade secret, trade secrets, under nda, not disclose, stays between, never share, off record,"
    " keep secret, between us, не разглашать, служебная информация, внутренний документ, под nda,"
    " не публиковать, между нами, не показывать, не распространять, коммерческая тайна,"
    " коммерческой тайны, для служебного, служебного пользования, внутреннего пользования,"
    " никому не, не пересылать, закрытая информация, строго между",
}
