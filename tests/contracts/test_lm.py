"""The shared base models: their recipe is consistent, and those that are there can be read, are better than untrained, and say how long they were trained."""
import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("tokenizers")
from sparsebook.artifact import load_artifact
from sparsebook.lm_eval import eval_nll
from sparsebook.lm_train import checkpoint_steps, load_base_lm
from sparsebook.param import load_yaml
from sparsebook.run import House

HOUSE = House(__file__.rsplit("/", 1)[0])
FOLDER = HOUSE.artifacts/"base_lm"/"train"
TEXT = "It was a truth that he had always known, and that the people of the house did not want to hear.\n"


@pytest.mark.parametrize("profile", HOUSE.profiles)
def test_every_model_has_a_recipe(profile):
    p = load_yaml(HOUSE.papers/"base_lm"/"params.yaml")[profile]["train"]
    assert len({len(p[k]) for k in ("models", "tokens", "batch", "length", "lr", "dropout", "keep")}) == 1 and len(set(p["models"])) == len(p["models"])


@pytest.fixture(scope="module")
def models():
    if not (FOLDER/"manifest.json").exists(): pytest.skip("the base models are not trained here: make paper PAPER=base_lm")
    return load_artifact(FOLDER/"manifest.json")["profile"], load_artifact(FOLDER/"models.json")


def test_base_models_are_whole(models):
    profile, facts = models
    for key, f in facts.items():
        name, seed = key.rsplit("-", 1)
        model, tok, meta = load_base_lm(name, profile, int(seed))
        steps = f["recipe"]["tokens"]//(f["recipe"]["batch"]*f["recipe"]["length"])
        assert meta["step"] == steps and f["steps"] in ([steps], checkpoint_steps(steps)) and meta["parameters"] == sum(p.numel() for p in model.parameters())
        assert math.isclose(meta["tokens_per_parameter"], steps*f["recipe"]["batch"]*f["recipe"]["length"]/meta["parameters"])
        assert not model.training and tok.vocab_size == model.config.vocab_size and tok.decode(tok.encode(TEXT)) == TEXT
        if model.config.causal: assert eval_nll(model, tok.encode(TEXT), 128).mean() < 0.75*math.log(tok.vocab_size), f"{name} is hardly better than guessing"


def test_checkpoints_go_from_the_initial_weights_to_the_last(models):
    profile, facts = models
    for key, f in facts.items():
        name, seed = key.rsplit("-", 1)
        if len(f["steps"]) < 2 or not f["config"]["causal"]: continue
        loss = {}
        for step in (0, f["steps"][len(f["steps"])//2], "last"):
            model, tok, _ = load_base_lm(name, profile, int(seed), step)
            loss[step] = eval_nll(model, tok.encode(TEXT), 128).mean().item()
        assert abs(loss[0] - math.log(tok.vocab_size)) < 0.3 and loss[0] > min(loss.values()) and loss["last"] < loss[0] - 1
