"""Generated from nbs/shared_lib/52_spiky_landscape.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_supports():
    import torch
    from sparsebook.spiky_landscape import code_supports

    code_supports(2, .3)

    S, w = code_supports(6, .3)
    assert len(S.unique(dim=0)) == 64
    torch.testing.assert_close(w.sum(), torch.tensor(1., dtype=torch.float64))
    torch.testing.assert_close(w @ S, torch.full((6,), .3, dtype=torch.float64))
    R, u = code_supports(40, .3, 4000, rng=torch.Generator().manual_seed(0))
    assert ((u @ R) - .3).abs().max() < 5*(.21/4000)**.5

    try: code_supports(40, .3)
    except ValueError as e: print(e)


def test_objective_and_gradient():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.orthogonal_dictionary import bernoulli_gaussian, random_orthogonal
    from sparsebook.spiky_landscape import code_supports, population_gradient, population_objective

    rng, supports = torch.Generator().manual_seed(0), code_supports(6, .3)
    angle = torch.linspace(0, torch.pi/2, 60, dtype=torch.float64)
    planes = torch.eye(6, dtype=torch.float64).repeat(60, 1, 1)
    planes[:, 0, 0], planes[:, 1, 1], planes[:, 0, 1], planes[:, 1, 0] = angle.cos(), angle.cos(), -angle.sin(), angle.sin()
    fig, ax = plt.subplots(figsize=(4.2, 2), dpi=75); ax.plot(angle, population_objective(planes, supports)); ax.set_xlabel("rotation of two true atoms [rad]"); ax.set_ylabel("objective"); plt.close(fig); fig

    rng, supports = torch.Generator().manual_seed(0), code_supports(6, .3)
    D0, D = random_orthogonal(6, (2,), rng=rng)
    cubes = (bernoulli_gaussian(D0, 100_000, .3, rng=rng)[0] @ D).abs().pow(3).sum(1)/3
    assert (cubes.mean() - population_objective(D0.T @ D, supports)).abs() < 4*cubes.std()/100_000**.5
    Q = torch.randn(3, 6, 6, dtype=torch.float64, generator=rng).requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(population_objective(Q, supports).sum(), Q)[0], population_gradient(Q.detach(), supports))
    many = random_orthogonal(6, (1000,), rng=rng)
    assert (population_objective(many, supports) < population_objective(torch.eye(6, dtype=torch.float64), supports)).all()
    dense = population_objective(many, code_supports(6, 1.))
    torch.testing.assert_close(dense, dense[:1].expand_as(dense))


def test_gap():
    import torch
    from sparsebook.orthogonal_dictionary import bernoulli_gaussian, frank_wolfe_gap, random_orthogonal
    from sparsebook.spiky_landscape import code_supports, population_gap

    rng, supports = torch.Generator().manual_seed(0), code_supports(8, .3)
    Q = torch.stack([torch.eye(8, dtype=torch.float64), random_orthogonal(8, rng=rng), .5*torch.eye(8, dtype=torch.float64)])
    population_gap(Q, supports)

    rng, supports = torch.Generator().manual_seed(0), code_supports(6, .3)
    D0, D = random_orthogonal(6, (2,), rng=rng)
    signs = torch.eye(6, dtype=torch.float64)[torch.randperm(6, generator=rng)]*torch.tensor([1., -1, 1, 1, -1, 1], dtype=torch.float64)
    assert population_gap(signs, supports).abs() < 1e-12 and population_gap(D0.T @ D, supports) > 1e-4
    sampled = frank_wolfe_gap(bernoulli_gaussian(D0, 200_000, .3, rng=rng)[0], .8*D)
    torch.testing.assert_close(sampled, population_gap(.8*(D0.T @ D), supports), rtol=.05, atol=0.)
