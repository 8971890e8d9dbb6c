"""Generated from nbs/shared_lib/65_flop.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_layer():
    import torch
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode
    from sparsebook.flop import attention_flops, layer_flops

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def oracle(call, *args):
        with FlopCounterMode(display=False) as counter:
            call(*args)
        return counter.get_total_flops()
    layer = nn.Conv2d(3, 16, 3, padding=1)
    layer_flops(layer, layer(torch.randn(1, 3, 32, 32))), layer_flops(layer, layer(torch.randn(1, 3, 32, 32)), density=0.1)

    for layer, x in [(nn.Linear(5, 7), torch.randn(3, 4, 5)), (nn.Conv1d(4, 6, 3, stride=2), torch.randn(2, 4, 11)), (nn.Conv2d(4, 6, 3, padding=1), torch.randn(2, 4, 8, 8)),
                     (nn.Conv2d(4, 6, (1, 3), dilation=2, stride=2), torch.randn(2, 4, 9, 9)), (nn.Conv3d(2, 3, 2), torch.randn(1, 2, 4, 4, 4))]:
        y = layer(x)
        assert oracle(layer, x) == layer_flops(layer, y) and layer_flops(layer, y, 0.0) == 0
    q, k = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 7, 4)
    assert oracle(lambda: torch.matmul(torch.matmul(q, k.mT).softmax(-1), k)) == attention_flops(2, 3, 5, 7, 4)
    assert attention_flops(1, 1, 4, 4, 8, causal=True) == sum(attention_flops(1, 1, 1, t, 8) for t in range(1, 5))
    refused(ValueError, "density must be in 0..1, got 10", lambda: layer_flops(nn.Linear(2, 2), torch.ones(1, 2), 10))
    refused(TypeError, "layer must be nn.Linear", lambda: layer_flops(nn.ReLU(), torch.ones(1, 2)))
    refused(ValueError, "causal needs as many queries as keys", lambda: attention_flops(1, 1, 2, 3, 4, causal=True))


def test_a_model():
    import torch
    from torch import nn
    from sparsebook.density import random_masks
    from torch.utils.flop_counter import FlopCounterMode
    from sparsebook.flop import attention_flops, count_flops

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def oracle(call, *args):
        with FlopCounterMode(display=False) as counter:
            call(*args)
        return counter.get_total_flops()
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.Flatten(), nn.Linear(16*36, 10))
    masks = random_masks({n: tuple(p.shape) for n, p in model.named_parameters() if p.dim() > 1}, 0.1, rng=torch.Generator().manual_seed(0))
    dense, sparse = (count_flops(model, torch.randn(1, 1, 14, 14), masks=m) for m in (None, masks))
    {n: (dense[n], sparse[n]) for n in dense}, f"a tenth of the weights, {sum(sparse.values())/sum(dense.values()):.2f} of the FLOPs"

    class Attends(nn.Module):
        def __init__(self, **kw): super().__init__(); self.mha, self.up = nn.MultiheadAttention(8, 2, **kw), nn.Linear(8, 8)
        def forward(self, x, y): return self.up(self.mha(x, y, y)[0])
    shared = nn.Linear(6, 6)
    cases = [(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)), (torch.randn(2, 1, 6, 6),)), (nn.Sequential(shared, nn.ReLU(), shared), (torch.randn(5, 6),)),
             (Attends(batch_first=True), (torch.randn(3, 5, 8), torch.randn(3, 7, 8))), (Attends(), (torch.randn(5, 3, 8), torch.randn(7, 3, 8))), (Attends(kdim=4, vdim=4, batch_first=True), (torch.randn(3, 5, 8), torch.randn(3, 7, 4)))]
    for model, inputs in cases:
        assert sum(count_flops(model, *inputs).values()) == oracle(model, *inputs)
        assert not any(m._forward_hooks for m in model.modules())
    model, inputs = cases[2]
    masks = random_masks({n: tuple(p.shape) for n, p in model.named_parameters() if p.dim() > 1}, 0.25, rng=torch.Generator().manual_seed(0))
    got = sum(count_flops(model, *inputs, masks=masks).values())
    n = {name: int(m.sum()) for name, m in masks.items()}
    exact = 2*15*(n["up.weight"] + n["mha.out_proj.weight"]) + 2*(15 + 2*21)*n["mha.in_proj_weight"]/3 + attention_flops(3, 2, 5, 7, 4)
    assert abs(got/exact - 1) < 0.01
    refused(KeyError, "no parameter 'up.wieght'", lambda: count_flops(model, *inputs, masks={"up.wieght": torch.ones(8, 8)}))
    refused(ValueError, "the mask of up.weight must have shape (8, 8), got (4, 8)", lambda: count_flops(model, *inputs, masks={"up.weight": torch.ones(4, 8)}))


def test_training():
    import torch
    from torch import nn
    from hypothesis import given, strategies as st
    from torch.utils.flop_counter import FlopCounterMode
    from sparsebook.flop import METHODS, count_flops, linear_training_flops, training_flops

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def oracle(call, *args):
        with FlopCounterMode(display=False) as counter:
            call(*args)
        return counter.get_total_flops()
    {m: round(training_flops(m, 1.0, 0.1), 4) for m in METHODS}  # in units of a dense forward, at density 0.1

    @given(st.floats(0, 1), st.integers(1, 200))
    def step_by_step(f, every):
        steps = [3*f]*every + [2*f + 1]                                                     # every masked step, then one with the dense gradient
        assert abs(training_flops("rigl", 1.0, f, every) - sum(steps)/len(steps)) < 1e-12
        assert training_flops("static", 1.0, f) <= training_flops("rigl", 1.0, f, every) + 1e-12 <= training_flops("snfs", 1.0, f) + 2e-12 <= training_flops("dense", 1.0, f) + 3e-12
    step_by_step()
    assert training_flops("static", 1.0, [1.0, 0.5, 0.0]) == 1.5 and training_flops("dense", 2.0, 0.0) == 6
    net, x = nn.Sequential(nn.Linear(6, 5, bias=False), nn.Tanh(), nn.Linear(5, 4, bias=False)), torch.randn(7, 6)
    train = lambda x: oracle(lambda: net(x).sum().backward())
    assert train(x.clone().requires_grad_()) == linear_training_flops(6, 5, 7) + linear_training_flops(5, 4, 7) == training_flops("dense", sum(count_flops(net, x).values()), 0)
    assert train(x) == linear_training_flops(6, 5, 7, to_input=0) + linear_training_flops(5, 4, 7)              # nobody asks for the gradient of the data
    refused(ValueError, "method must be one of", lambda: training_flops("adam", 1, 1))
    refused(ValueError, "0 <= sparse <= dense, got 2 and 1", lambda: training_flops("set", 1, 2))
    refused(ValueError, "to_input must be in 0..1 (a density), got 2", lambda: linear_training_flops(1, 1, 1, to_input=2))
