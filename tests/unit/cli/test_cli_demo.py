"""What the demo is played on."""

from modelway.cli import demo_stage
from modelway.config.resolve import resolve


async def test_without_a_provider_all_is_simulated(home):
    async with demo_stage.set_up(simulated=False) as stage:
        assert "No key is set" in stage.answers
        assert set(stage.settings.providers) == {"sim-openai", "sim-anthropic", "broken"}


async def test_a_real_provider_has_the_simulated_one_behind_it(home, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key")
    async with demo_stage.set_up(simulated=False) as stage:
        assert stage.answers.startswith("openai/")
        for name in (demo_stage.ASKED, demo_stage.STREAMED):
            route = resolve(stage.settings, name)
            (first,) = route.deployments
            assert (first.provider.name, first.backoff.attempts) == ("openai", 1)
            assert first.timeouts.total_s < 30
            (spare,) = route.fallbacks
            assert resolve(stage.settings, spare).deployments[0].id.startswith("sim-")
    async with demo_stage.set_up(simulated=True) as stage:
        assert "openai" not in stage.settings.providers


async def test_a_broken_configuration_is_left_aside(home):
    (home / "modelway.yaml").write_text("gatway: 1")
    async with demo_stage.set_up(simulated=False) as stage:
        assert "modelway.yaml has problems" in stage.answers


async def test_a_provider_without_its_key_is_not_asked(home):
    (home / "modelway.yaml").write_text("models: {mine: openai/gpt-4o-mini}")
    async with demo_stage.set_up(simulated=False) as stage:
        assert "OPENAI_API_KEY" in stage.answers
        assert "simulator answers" in stage.answers


def test_without_the_sdks_it_says_how_to_get_them(modelway, monkeypatch):
    monkeypatch.setattr("modelway.cli.demo.find_spec", lambda name: None)
    code, out, err = modelway("demo")
    assert (code, out) == (2, "")
    assert "openai, anthropic. Install them: pip install 'modelway[demo]'" in err
