"""Token counts where no tokenizer can be asked."""

from modelway.messages import user
from modelway.policies.estimate import estimate
from modelway.types import ChatRequest, Image, Inline, Message, Tool


def tokens(*messages, **more):
    counted = estimate(ChatRequest(messages=messages, **more))
    assert counted.estimated
    return counted.input_tokens


def test_text_counts_by_its_bytes():
    assert tokens(user("a" * 400)) == 104
    assert tokens(user("é" * 200)) == 104
    assert tokens() == 0


def test_tools_count():
    assert (
        tokens(user("hi"), tools=(Tool(name="f", description="d" * 400),))
        > tokens(user("hi")) + 100
    )


def test_an_image_counts_as_one_whatever_its_bytes():
    image = Image(source=Inline(media_type="image/png", data="A" * 1_000_000))
    assert tokens(Message(role="user", parts=(image,))) == 1604
