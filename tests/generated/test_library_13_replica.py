"""Generated from nbs/shared_lib/13_replica.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_a_linear_layer_for_every_replica():
    import torch
    import torch.nn.functional as F
    from sparsebook.replica import linear

    rng = torch.Generator().manual_seed(0)
    x, w, b = (torch.randn(*s, generator=rng) for s in [(3, 5, 4), (3, 2, 4), (3, 2)])
    linear(x, w, b).shape

    torch.testing.assert_close(linear(x, w, b), torch.stack([F.linear(x[r], w[r], b[r]) for r in range(3)]))
    torch.testing.assert_close(linear(x[0], w), torch.stack([F.linear(x[0], w[r]) for r in range(3)]))
    try: linear(x, w[:2])
    except ValueError as e: print(e)
    else: raise AssertionError("shapes that do not fit were accepted")


def test_a_convolution_for_every_replica():
    import torch
    import torch.nn.functional as F
    from sparsebook.replica import conv3x3

    rng = torch.Generator().manual_seed(0)
    x, w = torch.randn(2, 3, 6, 5, 4, generator=rng, dtype=torch.float64), torch.randn(2, 7, 36, generator=rng, dtype=torch.float64)
    conv3x3(x, w, stride=2).shape

    for stride in (1, 2):
        for r in range(2):
            oihw = w[r].view(7, 3, 3, 4).permute(0, 3, 1, 2)
            want = F.conv2d(x[r].permute(0, 3, 1, 2), oihw, stride=stride, padding=1).permute(0, 2, 3, 1)
            torch.testing.assert_close(conv3x3(x, w, stride)[r], want)
    assert torch.autograd.gradcheck(lambda x, w: conv3x3(x, w, 2), (x[:, :1, :3, :3].clone().requires_grad_(), w.clone().requires_grad_()))
    try: conv3x3(x, w[..., :9])
    except ValueError as e: print(e)
    else: raise AssertionError("a wrong weight was accepted")


def test_normalisation_for_every_replica():
    import torch
    from sparsebook.replica import batch_norm

    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, 3, 3, 4, generator=rng, dtype=torch.float64)
    running, gain, bias = {}, torch.rand(2, 4, generator=rng, dtype=torch.float64), torch.rand(2, 4, generator=rng, dtype=torch.float64)
    y = batch_norm(x, gain, bias, running)
    y.mean((1, 2, 3))

    for r in range(2):
        ref = torch.nn.BatchNorm2d(4, dtype=torch.float64)
        ref.weight.data, ref.bias.data = gain[r], bias[r]
        torch.testing.assert_close(ref(x[r].permute(0, 3, 1, 2)).permute(0, 2, 3, 1), y[r], rtol=1e-5, atol=1e-6)
        ref.eval()
        torch.testing.assert_close(ref(x[r].permute(0, 3, 1, 2)).permute(0, 2, 3, 1), batch_norm(x, gain, bias, running, training=False)[r], rtol=1e-5, atol=1e-6)
    try: batch_norm(x, gain, bias, {}, training=False)
    except ValueError as e: print(e)
    else: raise AssertionError("evaluated without statistics")


def test_networks():
    import torch
    from sparsebook.replica import CharLM, MLP, ResNet, stack

    nets = {"MLP": (MLP((256, 64, 64, 10)), torch.rand(2, 5, 256)), "ResNet-8": (ResNet(1), torch.rand(2, 5, 8, 8, 1)),
            "CharLM": (CharLM(40, context=16, width=32, layers=2), torch.randint(40, (2, 5, 16)))}
    for name, (net, x) in nets.items():
        p = stack(net, [7, 7])
        print(f"{name:8} {sum(v[0].numel() for v in p.values()):7,} parameters, prunable: {', '.join(net.sparse)}; output {tuple(net.forward(p, x).shape)}")

    for net, x in nets.values():
        net.buffers.clear()
        p = stack(net, [1, 2, 1])
        xs = torch.stack([x[0], x[0], x[0]])
        y = net.forward(p, xs)
        assert (y[0] == y[2]).all() and not torch.allclose(y[0], y[1]), "equal seeds give equal replicas, others do not"
        assert set(net.sparse) <= set(p)
    net, x = nets["CharLM"]
    p = stack(net, [1])
    later = x[:1].clone()
    later[:, :, -1] = (later[:, :, -1] + 1) % 40
    torch.testing.assert_close(net.forward(p, x[:1])[:, :, :-1], net.forward(p, later)[:, :, :-1])
