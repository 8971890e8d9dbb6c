"""Generated from nbs/shared_lib/53_dictionary_stack.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_several_penalties_in_one_tensor():
    import torch
    import matplotlib.pyplot as plt
    import pytest
    from sparsebook import prox as P
    from sparsebook.dictionary_stack import StackProx, weight_for

    names = ["l1", "l_half", "log_sum", "cel0", "l0"]
    prox = StackProx(names)
    x = torch.linspace(-1.5, 1.5, 301)[None].expand(5, 1, -1)
    step = torch.full((5, 1, 1), .5)
    lam = weight_for(x/step, prox, step, 2/3)
    fig, ax = plt.subplots(figsize=(4, 2.4), dpi=72)
    for k, name in enumerate(names): ax.plot(x[k, 0], prox(x, lam, step)[k, 0], label=f"{name}, lam {float(lam[k]):.2f}")
    ax.legend(fontsize=7); ax.set(xlabel="before", ylabel="after the threshold");

    rng = torch.Generator().manual_seed(0)
    x, lam, step = torch.randn(5, 2, 7, 9, generator=rng), torch.rand(5, 2, 1, 1, generator=rng) + .1, torch.rand(5, 2, 1, 1, generator=rng)*.5 + .1
    got = StackProx(["l1", "l_half", "log_sum", "cel0", "l0"])(x, lam, step)
    for k, want in enumerate([P.soft_threshold(x[0], lam[0]*step[0]), P.l_half(x[1], lam[1]*step[1]), P.log_sum(x[2], lam[2], step=step[2]), P.cel0(x[3], lam[3], step=step[3]),
                              P.hard_threshold(x[4], lam[4]*step[4])]): torch.testing.assert_close(got[k], want)
    prox = StackProx(["l1", "l_half", "log_sum", "cel0", "l0"])
    lam = weight_for(x, prox, step, .2)
    share = (prox(step*x, lam, step) != 0).double().mean((-2, -1))
    assert (share <= .2).all() and (share > .2 - 1.5/63).all()
    with pytest.raises(ValueError, match="penalties must be among l1"): StackProx(["l3"])
    with pytest.raises(ValueError, match="5 slices, one a penalty, got 2"): prox(x[:2], lam, step)
    with pytest.raises(ValueError, match="active must be in"): weight_for(x, prox, step, 2.)


def test_learn():
    import torch
    from torch.nn.functional import normalize
    import matplotlib.pyplot as plt
    import pytest
    from sparsebook import prox as P
    from sparsebook.dictionary import match_atoms, planted_dictionary, random_dictionary
    from sparsebook.sparse_code import encode, prox_codes
    from sparsebook.dictionary_stack import StackProx, code_steps, inverse_norm, learn_stack, safe_step, weight_for

    rng = torch.Generator().manual_seed(0)
    truth = random_dictionary(20, 30, rng=rng, dtype=torch.float32)
    signals = [planted_dictionary(truth, 100, 2, rng=rng)[0] for _ in range(150)]
    start = random_dictionary(20, 30, rng=rng, dtype=torch.float32)
    names = ["l1", "cel0", "l0"]
    fit = learn_stack(signals, start.expand(3, -1, -1), names, active=2/30, rate=.05)
    fig, ax = plt.subplots(figsize=(4, 2.2), dpi=72)
    for k, name in enumerate(names): ax.plot(fit.error[:, k], label=f"{name}: {float((match_atoms(fit.D[k], truth) > .95).double().mean()):.0%} of the atoms found")
    ax.set(xlabel="batch", ylabel="squared error", yscale="log"); ax.legend(fontsize=8);

    assert abs(fit.active[-20:].mean(0) - 2/30).max() < .01, "the activity is where it was asked to be"
    torch.testing.assert_close(fit.D.norm(dim=-2), torch.ones(3, 30))
    assert (match_atoms(fit.D[1], truth) > .95).double().mean() > .8 and fit.error[-1, 1] < .3*fit.error[0, 1]
    one = learn_stack(signals[:5], start[None], ["cel0"], active=2/30)                     # a stack is no more than its members
    torch.testing.assert_close(one.D[0], learn_stack(signals[:5], start.expand(3, -1, -1), names, active=2/30).D[1], atol=1e-4, rtol=1e-3)
    D, Y = fit.D[0].double(), signals[0][:10].double()
    step, lam = inverse_norm(D), fit.lam[0].double()
    R = code_steps(Y, D[None], StackProx(["l1"]), lam[None], step[None], 40)[0]
    torch.testing.assert_close(R, prox_codes(Y, D, lambda x, s, rows: P.soft_threshold(x, s*lam), step=step, tol=0, max_iter=40))
    torch.testing.assert_close(code_steps(Y, D[None], StackProx(["l1"]), lam[None], step[None], 3000)[0], encode(Y, D, float(lam), tol=1e-10), atol=1e-6, rtol=0)
    wide = normalize(torch.randn(1, 5, 30, generator=rng, dtype=torch.float64), dim=-2)    # more than twice as many atoms as dimensions: no Gram matrix
    torch.testing.assert_close(code_steps(Y[:, :5], wide, StackProx(["l1"]), lam[None], inverse_norm(wide), 7)[0],
                               prox_codes(Y[:, :5], wide[0], lambda x, s, rows: P.soft_threshold(x, s*lam), step=inverse_norm(wide)[0], tol=0, max_iter=7))
    for E in (torch.randn(3, 20, 90), torch.randn(3, 90, 20), torch.ones(3, 7, 9)):         # never beyond the guaranteed step, nor far below it
        assert (safe_step(E) <= inverse_norm(E, margin=0)).all() and (safe_step(E) > .9*inverse_norm(E, margin=0)).all()
    step = safe_step(start[None])
    lam0 = weight_for((signals[0] @ start)[None], StackProx(["l1"]), step, 2/30)
    r = code_steps(signals[0], start[None], StackProx(["l1"]), lam0, step, 30)
    grown = start + .02*sum(torch.outer(y - start @ c, c) for y, c in zip(signals[0], r[0], strict=True))   # the dictionary step, signal by signal
    torch.testing.assert_close(learn_stack(signals[:1], start[None], ["l1"], active=2/30).D[0], grown/grown.norm(dim=0), atol=1e-3, rtol=0)
    torch.testing.assert_close(learn_stack(signals[:3], start[None], ["l1"], active=2/30, rate=lambda t: .02*(t < 1)).D, learn_stack(signals[:1], start[None], ["l1"], active=2/30).D)
    with pytest.raises(ValueError, match="at least one batch"): learn_stack([], start[None], ["l1"], active=.1)

    if torch.cuda.is_available():
        five = ["l1", "l_half", "log_sum", "cel0", "l0"]
        there = learn_stack([s.cuda() for s in signals], start.cuda().expand(5, -1, -1), five, active=2/30, rate=.05)
        assert abs(there.active[-20:].mean(0).cpu() - 2/30).max() < .01 and (match_atoms(there.D[3].cpu(), truth) > .95).double().mean() > .8
        here = learn_stack(signals[:5], start.expand(5, -1, -1), five, active=2/30, rate=.05)
        torch.testing.assert_close(there.error[:5].cpu(), here.error, atol=1e-4, rtol=1e-3)


def test_refit_on_the_support():
    import torch
    import numpy as np
    from sparsebook.dictionary import planted_dictionary, random_dictionary
    from sparsebook.sparse_code import encode
    from sparsebook.dictionary_stack import refit_codes

    D = random_dictionary(30, 60)
    Y, _ = planted_dictionary(D, 50, 4, noise=.05)
    R = encode(Y, D, .4)
    error = lambda R: float(((Y - R @ D.T)**2).mean())
    error(R), error(refit_codes(Y, D, R))

    new = refit_codes(Y, D, R, chunk=7)
    assert ((new != 0) == (R != 0)).all()
    for y, r, q in zip(Y, R, new, strict=True):
        on = r != 0
        np.testing.assert_allclose(q[on], np.linalg.lstsq(D[:, on].numpy(), y.numpy(), rcond=None)[0], atol=1e-6)
    both = refit_codes(Y, torch.stack([D, -D]), torch.stack([R, -R]))
    torch.testing.assert_close(both[0], -both[1])
    assert (refit_codes(Y, D, torch.zeros_like(R)) == 0).all()
    assert error(refit_codes(Y, D, torch.ones_like(R))) < 1e-6, "all atoms together reproduce every signal"


def test_the_l0_problem_exactly():
    import torch
    import numpy as np
    import pytest
    from sparsebook import prox as P
    from sparsebook.dictionary import planted_dictionary, random_dictionary
    from sparsebook.sparse_code import code_objective, prox_codes
    from sparsebook.dictionary_stack import best_supports

    D = random_dictionary(4, 6, rng=torch.Generator().manual_seed(1))
    Y, _ = planted_dictionary(D, 5, 2, noise=.1, rng=torch.Generator().manual_seed(2))
    R, value = best_supports(Y, D, .05)
    R

    import itertools
    for y, v in zip(Y.numpy(), value.tolist(), strict=True):
        all_of_them = [.05*len(S) + .5*((y - (D.numpy()[:, S] @ np.linalg.lstsq(D.numpy()[:, S], y, rcond=None)[0] if S else 0))**2).sum()
                       for k in range(7) for S in map(list, itertools.combinations(range(6), k))]
        assert abs(min(all_of_them) - v) < 1e-10
    torch.testing.assert_close(code_objective(Y, D, R, .05, "l0"), value)
    torch.testing.assert_close(code_objective(Y, D, R, .05, "cel0"), value)                   # at the minimiser the relaxation is tight
    for seed in range(5):                                                                      # and nothing is lower
        R0 = torch.randn(5, 6, generator=torch.Generator().manual_seed(seed), dtype=D.dtype)
        ends = prox_codes(Y, D, lambda x, s, rows: P.cel0(x, .05, step=s), R0=R0, tol=0, max_iter=2000)
        assert (code_objective(Y, D, ends, .05, "cel0") >= value - 1e-9).all()
    with pytest.raises(ValueError, match="M must be <= 14, got 15"): best_supports(Y, torch.ones(4, 15), .1)


def test_read_a_curve_at_one_activity():
    import torch
    import pytest
    from sparsebook.dictionary_stack import at_activity, size_needed

    share = torch.tensor([.1, .02, .05])
    at_activity(share, .001/share, .04), size_needed([64, 128, 256], torch.tensor([.9, .5, .2]), torch.tensor(.4))

    torch.testing.assert_close(at_activity(share, .001/share**2, .03), torch.tensor(.001/.03**2))           # exact on power laws
    torch.testing.assert_close(at_activity(share, share, .02), torch.tensor(.02))
    stack = torch.stack([share, share/1.5]).expand(4, 2, 3)
    torch.testing.assert_close(at_activity(stack, 3*stack, .03), torch.full((4, 2), .09))
    sizes = [10, 20, 40, 80]
    need, bound = size_needed(sizes, 1/torch.tensor(sizes).double().expand(3, 4), torch.tensor([1/30, 1/5, 1/100]).double())
    torch.testing.assert_close(need, torch.tensor([30., 10, 80]).double())
    assert bound.tolist() == [False, False, True]
    with pytest.raises(ValueError, match=r"level 0.5 lies outside the measured shares, 0.02 to 0.1"): at_activity(share, share, .5)
