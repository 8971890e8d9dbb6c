"""Generated from nbs/shared_lib/36_prox_list.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_proximal_training():
    import torch
    import sparsebook.kernel as library
    from sparsebook.prox_list import prox_list_

    def interpreted():
        """Whether Triton decorated its kernels for the interpreter; without Triton there are none."""
        try:
            from sparsebook_kernels.nm import INTERPRETED
        except ImportError:
            return False
        return INTERPRETED
    model = torch.nn.Sequential(torch.nn.Linear(20, 50), torch.nn.ReLU(), torch.nn.Linear(50, 1))
    x = torch.randn(200, 20, generator=torch.Generator().manual_seed(0))
    y = x[:, :2].sum(1, keepdim=True)                                  # two inputs matter
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        (model(x) - y).square().mean().backward()
        optimiser.step()
        prox_list_([model[0].weight, model[2].weight], "soft", 0.02, step=0.05)
    zeros = (model[0].weight == 0).float().mean(0)
    print(f"zeros among the weights of the two inputs that matter {zeros[:2].mean():.2f}, of the others {zeros[2:].mean():.2f}; loss {(model(x) - y).square().mean():.3f}")
    assert zeros[2:].mean() > zeros[:2].mean() and zeros[2:].mean() > .5

    rng = torch.Generator().manual_seed(0)
    device = "cuda" if torch.cuda.is_available() and not interpreted() else "cpu"
    cases = [("soft", .3, {}), ("elastic_net", .3, dict(l1_ratio=.7)), ("hard", .1, {}), ("mcp", .4, dict(gamma=2.5)), ("cel0", .2, dict(a=.8)), ("scad", .3, dict(a=3.)), ("l_half", .3, {}), ("l_two_thirds", .3, {}), ("group", .9, {})]
    for kind, lam, shape in cases:
        start = [torch.randn(s, generator=rng).to(device) for s in ((7, 5), (13,), (3, 2, 3, 3), (0, 4))]
        lams = [lam, 0., 2*lam, lam]
        plain, ours = ([t.clone() for t in start] for _ in range(2))
        with library.using("off"): prox_list_(plain, kind, lams, .7, **shape)
        with library.using("interpret" if interpreted() else "auto"): prox_list_(ours, kind, lams, .7, **shape)
        for a, b in zip(plain, ours, strict=True): torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-5)
        torch.testing.assert_close(plain[1], start[1])                  # lam 0: untouched
        odd = [torch.randn(6, 4, generator=rng).double().mT, torch.randn(3, generator=rng).double()]
        prox_list_(odd, kind, lam, **shape)                             # strided float64: the plain path

    w = torch.ones(3)
    for args, text in [(([w], "lasso", 1.), "kind must be one of soft"), (([w], "soft", [1., 2.]), "one for each of 1 tensors, got 2"), (([w], "soft", -1.), "lam must be >= 0"), (([w], "mcp", 1., float("nan")), "step > 0")]:
        try: prox_list_(*args)
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    prox_list_([], "soft", 1.)
    assert (w == 1).all()
