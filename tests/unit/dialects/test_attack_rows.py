"""Values that once were a fault of ours, each the smallest that was found."""

import contextlib
import json

import pytest

from modelway.dialects import dialect
from modelway.dialects.openai_wire.models import one_path
from modelway.errors import BadRequestError, UnsupportedError
from modelway.framing.fields import split
from modelway.schema import SUBSETS, fitted, subset


@pytest.mark.parametrize("names", [1.5, {"a": 1}, "f", [None], [["f"]], [{}], ["f", 1]])
@pytest.mark.parametrize("mode", ["ANY", "any", "AUTO", 5, None])
def test_gemini_s_allowed_functions_may_be_anything(names, mode):
    calling = {"functionCallingConfig": {"mode": mode, "allowedFunctionNames": names}}
    body = json.dumps({"contents": [], "toolConfig": calling}).encode()
    try:
        request = dialect("gemini").downstream["chat"].decode(split(body))
    except BadRequestError:
        return
    assert request.tool_choice is None or isinstance(request.tool_choice, str)


@pytest.mark.parametrize("effort", [[], {}, 5, True])
def test_an_effort_is_a_word(effort):
    body = json.dumps({"model": "m", "input": "x", "reasoning": {"effort": effort}}).encode()
    with pytest.raises(BadRequestError, match="effort"):
        dialect("openai-responses").downstream["chat"].decode(split(body))


@pytest.mark.parametrize("name", SUBSETS)
@pytest.mark.parametrize(
    "schema",
    [[], [{}], 5, "{}", "{0}", {"type": []}, {"type": ["null"]}, {"type": [], "anyOf": []}],
)
def test_no_schema_is_a_fault_of_ours(name, schema):
    whole = {"type": "object", "properties": {"a": schema}}
    with contextlib.suppress(UnsupportedError):
        assert isinstance(fitted(whole, subset(name)).schema, dict)


@pytest.mark.parametrize("model", ["..", ".", "a/../b", "../x", "a//b", "", "/"])
def test_a_model_cannot_leave_its_place_in_a_path(model):
    with pytest.raises(BadRequestError):
        one_path(model, False)
    assert one_path("a/b:c@d", False) == "/models/a/b:c@d"
