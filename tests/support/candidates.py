"""Candidates and questions as strategies see them, with every figure said by the test."""

from dataclasses import dataclass, field

from modelway.call import Call, Deployment, Target
from modelway.catalog.models import ModelInfo
from modelway.catalog.rows import Provider

PICO = 10**12


def deployment(name, *, weight=1.0, priority=0, local=False, model=None, base_model=None):
    row = Provider(name="p", base_url="http://h", dialects=("openai-chat",), local=local)
    return Deployment(
        id=name,
        provider=row,
        dialect="openai-chat",
        target=Target(model=model or name),
        base_url="http://h",
        weight=weight,
        priority=priority,
        base_model=base_model,
    )


@dataclass(eq=False)
class Known:
    """A ``Candidate``. Prices are in USD a million tokens."""

    deployment: Deployment
    open_requests: int = 0
    info: ModelInfo | None = None
    read_usd: float | None = None
    written_usd: float | None = None
    measured_s: float | None = None
    held_back_s: float = 0.0

    @property
    def usual_price(self):
        price = self.price(3000, 1000)
        return None if price is None else price * 250

    def price(self, input_tokens, output_tokens):
        if self.read_usd is None:
            return None
        written = self.read_usd if self.written_usd is None else self.written_usd
        return round((input_tokens * self.read_usd + output_tokens * written) * PICO / 10**6)

    def latency_s(self, stream):
        return self.measured_s

    def wait_s(self):
        return self.held_back_s


def candidate(name, *, weight=1.0, priority=0, local=False, model=None, base_model=None, **known):
    made = deployment(
        name, weight=weight, priority=priority, local=local, model=model, base_model=base_model
    )
    return Known(made, **known)


@dataclass
class Question:
    """An ``Asked``."""

    call: Call = field(default_factory=lambda: Call(id="1", model="m"))
    request: None = None
    input_tokens: int = 1000
    output_tokens: int | None = None
    category: str = "other"
    difficulty: str = "moderate"
    coding_heavy: bool = False
    sensitive: bool = False
    needs: frozenset = frozenset()
    budget_pico_usd: int | None = None


def ids(candidates):
    return [one.deployment.id for one in candidates]
