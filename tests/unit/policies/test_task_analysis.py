"""What a request asks for, by its words."""

# ruff: noqa: RUF001 - words of three scripts

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelway.messages import system, user
from modelway.policies.task import concepts as task_concepts
from modelway.policies.task import features as task_features
from modelway.policies.task import sensitive as task_sensitive
from modelway.policies.task.analyse import analyse, analyse_text
from modelway.policies.task.features import AMOUNTS, HEAD_CHARS, TAIL_CHARS, read
from modelway.policies.task.values import CATEGORIES, DIFFICULTIES
from modelway.policies.task.weighing import weights
from modelway.policies.task.weights import TABLE
from modelway.types import (
    Audio,
    ChatRequest,
    Image,
    Inline,
    JsonObject,
    JsonSchema,
    Message,
    Text,
    Thinking,
    Tool,
    ToolResult,
)

DEV = Path(__file__).parents[3] / "bench" / "task_prompts" / "dev.jsonl"


def task(text, **more):
    return analyse_text(text, input_tokens=10, **more)


def asked(request):
    return analyse(request, input_tokens=10)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("My parser crashes with a KeyError, why?", "debugging"),
        ("Программа падает с ошибкой, в чём причина?", "debugging"),
        ("程序一启动就崩溃，报错如下，怎么解决？", "debugging"),
        ("Write a Go function that reverses a linked list", "generation"),
        ("Напиши скрипт на Python, который скачивает файлы", "generation"),
        ("用 Python 写一个下载文件的脚本", "generation"),
        ("Refactor this class, it is far too long", "refactoring"),
        ("Отрефактори этот класс, он слишком длинный", "refactoring"),
        ("重构这个类，拆分成更小的方法", "refactoring"),
        ("Add unit tests for the cart module", "testing"),
        ("Напиши юнит-тесты для модуля корзины", "testing"),
        ("为购物车模块编写单元测试", "testing"),
        ("Write a docstring for this method", "documentation"),
        ("Добавь документацию к этому методу", "documentation"),
        ("给这个方法添加文档注释", "documentation"),
        ("Explain how a hash table works", "explanation"),
        ("Объясни, как работает хеш-таблица", "explanation"),
        ("解释一下哈希表的原理", "explanation"),
        ("Is there an XSS vulnerability in this template?", "security"),
        ("Есть ли в этом шаблоне уязвимость XSS?", "security"),
        ("这个模板有没有 XSS 漏洞？", "security"),
        ("Write a poem about the sea", "writing"),
        ("Напиши стихотворение о море", "writing"),
        ("写一首关于大海的诗", "writing"),
        ("Translate to German: good evening", "translation"),
        ("Переведи на немецкий: добрый вечер", "translation"),
        ("翻译成德语：晚上好", "translation"),
        ("Summarize the following report in three bullet points", "analysis"),
        ("Кратко перескажи следующий отчёт", "analysis"),
        ("总结下面的报告要点", "analysis"),
        ("hello", "simple"),
        ("привет", "simple"),
        ("你好", "simple"),
    ],
)
def test_each_category_is_told_in_each_language(text, category):
    assert task(text).category == category


@pytest.mark.skipif(
    not DEV.exists(), reason="the labelled prompts are not in a source distribution"
)
def test_the_table_belongs_to_the_words():
    rows = [json.loads(line) for line in DEV.read_text(encoding="utf-8").splitlines()]
    right = sum(task(row["prompt"]).category == row["category"] for row in rows)
    assert right > 0.97 * len(rows)


@given(st.text())
def test_any_text_has_a_task(text):
    found = task(text)
    assert found == task(text)
    assert found.category in CATEGORIES
    assert found.difficulty in DIFFICULTIES
    assert 0 <= found.confidence <= 1
    assert 0 <= found.code_share <= 1


@given(st.text(alphabet="aтест密码 =:@.`\n1Error-", max_size=400))
def test_any_text_of_what_is_looked_for_has_a_task(text):
    assert task(text) == task(text)


def test_a_lone_surrogate_is_only_a_character():
    assert task("Translate \ud800 to French").category == "translation"


def test_no_more_is_read_than_the_beginning_and_the_end():
    begin, end = "Summarize this: " + "x" * HEAD_CHARS, "y" * TAIL_CHARS + " Keep it short."
    cut = task(begin[:HEAD_CHARS] + "m" * 100_000 + end[-TAIL_CHARS:])
    assert cut == task(begin[:HEAD_CHARS] + "пароль 密码 patient\n" * 5_000 + end[-TAIL_CHARS:])


def test_the_instruction_may_stand_at_the_end():
    text = "The council met on Tuesday and voted on the bridge. " * 20
    assert task(text + "\n\nTranslate the text above into Spanish.").category == "translation"
    assert task(text + "\n\nSummarize the text above.").category == "analysis"


@pytest.mark.parametrize(
    ("word", "other"),
    [("test", "contest"), ("test", "latest"), ("bug", "bugle"), ("fix", "prefix"), ("hi", "high")],
)
def test_a_word_is_not_found_in_another(word, other):
    concepts = set(task_concepts.in_words(word.encode()).lead)
    assert concepts
    assert concepts.isdisjoint(task_concepts.in_words(other.encode()).lead)


@pytest.mark.parametrize("form", ["тест", "тесты", "тестов", "тестами", "тестах", "тесту"])
def test_a_russian_word_is_known_in_its_forms(form):
    assert "test" in task_concepts.in_words(form.encode()).lead


@pytest.mark.parametrize("form", ["fix", "fixes", "fixed", "fixing", "debugging", "debugged"])
def test_an_english_verb_is_known_in_its_forms(form):
    assert "fix" in task_concepts.in_words(form.encode()).lead


def test_the_longest_chinese_word_counts():
    assert "not" in read("我不要").seen
    assert "not" not in read("有何不同").seen
    assert "compare" in read("有何不同").seen


def test_what_is_said_inside_of_a_fence_hardly_counts():
    code = "```\n# fix the bug, it crashes: KeyError, debug this\n```"
    assert task(f"Translate the comment into French:\n{code}").category == "translation"


def test_latin_words_are_known_in_chinese():
    assert "tongue_code" in read("用Python写一个函数").seen


def test_code_is_seen_with_a_fence_and_without():
    assert task("Look:\n```\nx = 1\ny = 2\nz = x + y\n```").code_share > 0.5
    assert task("for (int i = 0; i < n; i++) { a[i] = b[i] + (c[i] * d[i]); }").code_share > 0.5
    assert task("How are you today, my friend?").code_share == 0


@pytest.mark.parametrize(
    "text",
    [
        "Kirjoita minulle lyhyt runo syksyn sateesta ja hiljaisesta metsästä, kiitos",
        "اكتب لي قصيدة قصيرة عن المطر في الخريف والغابة الهادئة من فضلك",
        "वर्षा और शांत जंगल के बारे में एक छोटी कविता लिखिए कृपया मेरे लिए",
    ],
)
def test_another_language_is_less_sure(text):
    assert task(text).confidence < 0.5


def test_reasons_name_what_spoke():
    text = "Translate into French: good evening"
    assert "translate" in task(text).reasons
    assert set(task(text).reasons) <= set(read(text).seen)


@pytest.mark.parametrize(
    ("easier", "harder"),
    [
        (
            "What is a thread?",
            "Design a distributed, lock-free scheduler with failover and prove it correct.",
        ),
        (
            "Что такое поток?",
            "Спроектируй распределённый планировщик без блокировок, с восстановлением.",
        ),
        ("什么是线程？", "设计并实现一个高并发、可扩展的分布式调度系统，给出完整架构。"),
    ],
)
def test_difficulty_follows_what_is_asked(easier, harder):
    assert task(easier).difficulty == "simple"
    assert task(harder).difficulty == "complex"


# ---------------------------------------------------------------- whose data


@pytest.mark.parametrize(
    "text",
    [
        "This is confidential: draft the announcement of the merger.",
        "My wife was diagnosed with diabetes and takes insulin. Make a diet plan.",
        "Why does it fail? password = 'tulip-4471-field'",
        "Patient Anna Bell, born 12.03.1951, diagnosis: asthma, medication: 5 mg. Summarise.",
        "I earn 3,100 a month and owe 12,000 on my credit card, help me budget.",
        "Строго конфиденциально: подготовь план увольнений.",
        "У моего мужа диагноз гипертония, он принимает лекарства, составь рацион.",
        "пароль: tulip4471field, почему не пускает?",
        "这是保密文件，请总结。",
        "我妈被诊断为糖尿病，正在服用胰岛素，血糖 9.1，怎么安排饮食？",
        "数据库密码是 tulip4471field，连不上怎么办",
    ],
)
def test_what_is_somebodys_own_is_sensitive(text):
    assert task(text).sensitive


@pytest.mark.parametrize(
    "text",
    [
        "What is diabetes?",
        "Write a function that validates a credit card number.",
        "How should passwords be hashed?",
        "My test fails with a timeout.",
        "Create a table patients(id, name, diagnosis).",
        "Explain what a mortgage is.",
        "password: string; token: string;",
        "Что такое ипотека?",
        "Напиши функцию проверки пароля",
        "什么是高血压？",
        "写一个验证密码强度的函数",
        "Spring Boot and Don Quixote walk into a bar.",
    ],
)
def test_what_is_only_about_such_things_is_not(text):
    assert not task(text).sensitive


def test_what_was_said_before_stays_sensitive():
    before = "My wife was diagnosed with diabetes and takes insulin twice a day."
    assert not task("Summarize that.").sensitive
    assert task("Summarize that.", earlier=(before,)).sensitive
    assert asked(ChatRequest(messages=(user(before), user("Summarize that.")))).sensitive


# ---------------------------------------------------------------- the fields beside the words


def test_the_last_thing_that_a_user_said_is_what_is_asked():
    request = ChatRequest(
        messages=(
            system("Refactor everything."),
            user("Translate this into French: tea"),
            user("thanks!"),
        )
    )
    assert asked(request).category == "simple"


def test_a_result_of_a_tool_is_not_what_a_user_said():
    result = ToolResult(call_id="1", parts=(Text(text="hello"),))
    request = ChatRequest(
        messages=(user("Fix the crash in my parser"), Message(role="tool", parts=(result,)))
    )
    assert asked(request).category == "debugging"


IMAGE = Image(source=Inline(media_type="image/png", data="AA=="))


@pytest.mark.parametrize(
    ("more", "parts", "needs"),
    [
        ({}, (), set()),
        ({"tools": (Tool(name="f"),)}, (), {"tools"}),
        ({"tools": (Tool(name="f"),), "tool_choice": "none"}, (), set()),
        ({}, (IMAGE,), {"vision"}),
        ({}, (ToolResult(call_id="1", parts=(IMAGE,)),), {"vision"}),
        ({}, (Audio(source=Inline(media_type="audio/wav", data="AA==")),), {"audio"}),
        ({"response_format": JsonSchema(schema={"type": "object"})}, (), {"schema"}),
        ({"response_format": JsonObject()}, (), set()),
        ({"thinking": Thinking(effort="high")}, (), {"reasoning"}),
        ({"thinking": Thinking(budget_tokens=4096)}, (), {"reasoning"}),
        ({"thinking": Thinking(effort="none")}, (), set()),
        ({"thinking": Thinking(mode="disabled")}, (), set()),
        ({"thinking": Thinking()}, (), set()),
    ],
    ids=lambda value: None,
)
def test_needs_are_read_from_the_request(more, parts, needs):
    request = ChatRequest(messages=(Message(role="user", parts=(Text(text="hi"), *parts)),), **more)
    assert asked(request).needs == needs


def test_a_request_without_words_has_a_task():
    assert asked(ChatRequest(messages=())).category in CATEGORIES
    assert asked(ChatRequest(messages=(Message(role="user", parts=(IMAGE,)),))).needs == {"vision"}


def test_a_long_input_is_a_long_file():
    assert not analyse_text("hi", input_tokens=10_000).long_file
    assert analyse_text("hi", input_tokens=10_001).long_file


@pytest.mark.parametrize(
    ("text", "heavy"),
    [
        ("Fix the crash in my parser", True),
        ("Write a docstring for this Python function", True),
        ("Write a poem about the sea", False),
        ("hello", False),
    ],
)
def test_code_is_expected_where_it_is_asked_for(text, heavy):
    assert task(text).coding_heavy is heavy


# ---------------------------------------------------------------- the table, and the work it takes


HEAD, *ROWS = [line.split() for line in TABLE.splitlines()]


def test_the_table_has_a_weight_for_every_class():
    assert ["feature", *CATEGORIES, *DIFFICULTIES] == HEAD
    assert {len(row) for row in ROWS} == {len(HEAD)}
    assert len({row[0] for row in ROWS}) == len(ROWS)


@given(st.dictionaries(st.sampled_from([row[0] for row in ROWS[:-1]]), st.sampled_from(AMOUNTS)))
def test_one_number_adds_up_to_the_same_as_many(seen):
    plain = {row[0]: [int(weight) for weight in row[1:]] for row in ROWS}
    expected = [weight * max(AMOUNTS) for weight in plain["always"]]
    for name, amount in seen.items():
        expected = [old + amount * new for old, new in zip(expected, plain[name], strict=True)]
    points = weights().points(seen.items())
    split = len(CATEGORIES)
    for part in (slice(0, split), slice(split, None)):
        found, wanted = points[part], expected[part]
        # categories are centred by whole hundredths: so all of them are off by the same
        assert [point - found[0] for point in found] == [point - wanted[0] for point in wanted]


def test_what_the_table_does_not_have_says_nothing():
    assert weights().points([("no such", 10)]) == weights().points([])


def patterns():
    known = task_concepts.lexicon()
    return [
        known.han,
        known.sensitive_han,
        *[value for value in vars(task_sensitive).values() if isinstance(value, re.Pattern)],
        *[value for value in vars(task_features).values() if isinstance(value, re.Pattern)],
    ]


def repeats(tree, inside):
    """(deepest nesting of repetitions, whether one has no end) in a parsed expression."""
    deepest, endless = inside, False
    for operation, argument in tree:
        name = str(operation)
        below = []
        if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            _, most, body = argument
            endless = endless or str(most) == "MAXREPEAT"
            below = [(body, inside + 1)]
        elif name == "BRANCH":
            below = [(body, inside) for body in argument[1]]
        elif name == "SUBPATTERN":
            below = [(argument[-1], inside)]
        elif name in {"ASSERT", "ASSERT_NOT"}:
            below = [(argument[1], inside)]
        for body, depth in below:
            found = repeats(body, depth)
            deepest, endless = max(deepest, found[0]), endless or found[1]
    return deepest, endless


@pytest.mark.parametrize("pattern", patterns(), ids=range(len(patterns())))
def test_no_text_makes_an_expression_go_back_over_it(pattern):
    parser = pytest.importorskip("re._parser")
    tree = parser.parse(pattern.pattern)
    assert repeats(tree, 0) <= (1, False)
    assert tree.getwidth()[1] < 200
