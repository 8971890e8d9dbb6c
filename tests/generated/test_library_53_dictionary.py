"""Generated from nbs/shared_lib/53_dictionary.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_data_with_a_known_dictionary():
    import torch
    import itertools
    from sparsebook.dictionary import match_atoms, planted_dictionary, random_dictionary

    rng = torch.Generator().manual_seed(0)
    D0 = random_dictionary(20, 50, rng=rng)
    Y, R = planted_dictionary(D0, 1500, 3, rng=rng)
    {"atoms a signal": set((R != 0).sum(1).tolist()), "a random dictionary matches": round(match_atoms(random_dictionary(20, 50, rng=rng), D0).mean().item(), 2)}

    torch.testing.assert_close(D0.norm(dim=0), torch.ones(50, dtype=torch.float64))
    torch.testing.assert_close(Y, R @ D0.T)
    torch.testing.assert_close(match_atoms(D0[:, torch.randperm(50, generator=rng)]*-2, D0), torch.ones(50, dtype=torch.float64))
    small, other = random_dictionary(3, 5, rng=rng), random_dictionary(3, 5, rng=rng)
    best = max(sum(float((small[:, i] @ other[:, j]).abs()) for i, j in enumerate(order)) for order in itertools.permutations(range(5)))
    assert abs(match_atoms(small, other).sum() - best) < 1e-12
    try: planted_dictionary(D0, 5, 51)
    except ValueError as e: print(e)
    else: raise AssertionError


def test_one_turn_of_the_dictionary():
    import torch
    from torch.nn.functional import normalize
    import itertools
    from sparsebook.dictionary import block_step, ksvd_step, mod_step, planted_dictionary, random_dictionary

    rng = torch.Generator().manual_seed(1)
    D0 = random_dictionary(8, 12, rng=rng)
    Y, R = planted_dictionary(D0, 400, 3, noise=.1, rng=rng)
    start = normalize(D0 + .3*torch.randn(8, 12, dtype=torch.float64, generator=rng), dim=0)
    error = lambda D, R: ((Y - R @ D.T)**2).sum().item()/2
    {"before": error(start, R), "mod": error(*mod_step(Y, start, R)), "ksvd": error(*ksvd_step(Y, start, R)), "block": error(block_step(R.T @ R, Y.T @ R, start), R)}

    D, S = mod_step(Y, start, R)
    torch.testing.assert_close(S.T @ (Y - S @ D.T), torch.zeros(12, 8, dtype=torch.float64), rtol=0, atol=1e-9)
    torch.testing.assert_close(D.norm(dim=0), torch.ones(12, dtype=torch.float64))
    assert torch.equal(S != 0, R != 0)
    D, S = ksvd_step(Y, start, R)
    rows = R[:, -1].nonzero()[:, 0]
    part = (Y - S @ D.T)[rows] + S[rows, -1:]*D[:, -1]
    U, s, V = torch.linalg.svd(part, full_matrices=False)
    torch.testing.assert_close((S[rows, -1:]*D[:, -1]), s[0]*U[:, :1]*V[:1], rtol=1e-8, atol=1e-9)
    assert ((S != 0) <= (R != 0)).all() and error(D, S) <= error(start, R)
    torch.testing.assert_close(D.norm(dim=0), torch.ones(12, dtype=torch.float64))
    A, B = R.T @ R, Y.T @ R
    value = lambda D: ((D.T @ D)*A).sum().item()/2 - (D*B).sum().item()
    steps = [block_step(A, B, start, n) for n in (1, 2, 5, 60)]
    assert all(value(b) <= value(a) + 1e-9 for a, b in itertools.pairwise([start, *steps])) and max(D.norm(dim=0).max() for D in steps) <= 1 + 1e-12
    D = steps[-1]
    push = B - D @ A  # minus the gradient: 0, or along an atom that stands on the sphere
    inside = D.norm(dim=0) < 1 - 1e-9
    away = push - D*(push*D).sum(0).clamp(min=0)
    assert away.norm(dim=0).max() < 1e-6*B.norm() and push[:, inside].abs().sum() < 1e-6*B.norm()
    idle = R.clone(); idle[:, 4] = 0
    for D in (mod_step(Y, start, idle)[0], ksvd_step(Y, start, idle)[0], block_step(idle.T @ idle, Y.T @ idle, start)): assert torch.equal(D[:, 4], start[:, 4])


def test_in_batches():
    import torch
    from torch.nn.functional import normalize
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.dictionary import DictionaryLearning, match_atoms, planted_dictionary, random_dictionary

    rng = torch.Generator().manual_seed(0)
    D0 = random_dictionary(20, 40, rng=rng)
    Y, _ = planted_dictionary(D0, 1500, 3, noise=.02, rng=rng)
    start = normalize(Y[:40].T, dim=0)
    learned = {step: DictionaryLearning(start, k=3, step=step).fit(Y, 25) for step in ("ksvd", "mod", "block")}
    fig, ax = plt.subplots(figsize=(6, 2.6), dpi=80)
    for step, m in learned.items(): ax.semilogy(m.history, label=f"{step}: {(match_atoms(m.D, D0) > .99).double().mean():.0%} of atoms found")
    ax.set_xlabel("turns"); ax.set_ylabel("objective"); ax.legend()
    plt.close(fig); fig

    for step, m in learned.items():
        assert (np.diff(m.history) <= 1e-12).all(), step
        assert (match_atoms(m.D, D0) > .99).double().mean() >= .7 and (m.D.norm(dim=0) <= 1 + 1e-12).all() and ((m.codes != 0).sum(1) <= 3).all()
    soft = DictionaryLearning(start, lam=.1, step="block").fit(Y, 10)
    assert (np.diff(soft.history) <= 1e-9).all()  # block descent with the lasso is monotone too
    lost = start.clone(); lost[:, 5] = 1e-3*Y[0] + lost[:, 6]; lost[:, 7] = lost[:, 6]
    assert (DictionaryLearning(lost, k=3).fit(Y, 25).codes != 0).any(0).all()  # twins are replaced
    for call, text in [(lambda: DictionaryLearning(start), "give k or lam"), (lambda: DictionaryLearning(start, k=2, lam=.1), "give k or lam"), (lambda: DictionaryLearning(start*0, k=2), "no zero column"), (lambda: DictionaryLearning(start, k=2, step="svd"), "got 'svd'")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_from_a_stream():
    import torch
    from torch.nn.functional import normalize
    import math
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.dictionary import OnlineDictionary, match_atoms, planted_dictionary, random_dictionary

    def patches(size=8, count=3000, seed=0, images=None):
        """Mean-free patches (count, size^2) of a picture: smooth blobs cut by straight edges, as photographs have them."""
        rng = np.random.default_rng(seed)
        if images is None:
            rows, columns = np.mgrid[:160, :160] / 160
            picture = np.zeros((160, 160))
            for _ in range(60):
                angle, (a, b), width = (rng.uniform(0, 2 * np.pi), rng.uniform(0, 1, 2), rng.uniform(0.05, 0.3))
                inside = (np.hypot(rows - a, columns - b) < width) * ((rows - a) * np.cos(angle) + (columns - b) * np.sin(angle) > 0)
                picture = np.where(inside, rng.uniform(-1, 1) + rng.uniform(-1, 1) * (rows - a), picture)
            images = [picture]
        out = []
        for _ in range(count):
            image = images[rng.integers(len(images))]
            i, j = (rng.integers(image.shape[0] - size), rng.integers(image.shape[1] - size))
            out.append(image[i:i + size, j:j + size].ravel())
        out = torch.from_numpy(np.array(out))
        out = out - out.mean(1, keepdim=True)
        return out / out.std()
    def mosaic(D, columns=12):
        """Atoms as one picture."""
        size, atoms = (int(D.shape[0] ** 0.5), (D / D.abs().amax(0)).T)
        atoms = torch.nn.functional.pad(atoms[:columns * (len(atoms) // columns)].view(-1, size, size), (1, 0, 1, 0), value=-1)
        return torch.cat([torch.cat(list(row), 1) for row in atoms.split(columns)], 0)
    Y = patches(count=6000)
    Y = Y[Y.norm(dim=1) > 1]
    learner = OnlineDictionary(normalize(Y[:96].T, dim=0), .6)
    seen = learner.fit_stream(Y[96:-300], 100, lambda s: s.objective(Y[-300:]) if s.t % 8 == 1 else None)
    fig, ax = plt.subplots(figsize=(5, 3.4), dpi=60)
    ax.imshow(mosaic(learner.D).numpy(), cmap="gray", vmin=-1, vmax=1); ax.set_axis_off()
    plt.close(fig); fig

    from sklearn.decomposition import MiniBatchDictionaryLearning
    held = [s for s in seen if s is not None]
    assert held[-1] < .9*held[0] and (learner.D.norm(dim=0) <= 1 + 1e-12).all()
    rng = torch.Generator().manual_seed(4)
    D0 = random_dictionary(12, 24, rng=rng)
    Y, _ = planted_dictionary(D0, 2400, 2, noise=.02, rng=rng)
    test, _ = planted_dictionary(D0, 500, 2, noise=.02, rng=rng)
    start = normalize(Y[:24].T, dim=0)
    ours = OnlineDictionary(start, .1)
    for _ in range(3): ours.fit_stream(Y, 48)
    peer = MiniBatchDictionaryLearning(24, alpha=.1, max_iter=3, batch_size=48, dict_init=start.T.numpy().copy(), fit_algorithm="cd", shuffle=False, tol=0, max_no_improvement=None, random_state=0, transform_max_iter=5000).fit(Y.numpy())
    theirs = OnlineDictionary(torch.from_numpy(peer.components_.T.copy()), .1)
    assert ours.objective(test) <= 1.02*theirs.objective(test), (ours.objective(test), theirs.objective(test))
    assert (match_atoms(ours.D, D0) > .9).double().mean() >= .75 and ours.objective(test) < .8*OnlineDictionary(start, .1).objective(test)
    try: OnlineDictionary(start, .1).partial_fit(test*math.nan)
    except ValueError as e: print(e)
    else: raise AssertionError


@pytest.mark.slow
def test_atoms_of_photographs():
    import torch
    from torch.nn.functional import normalize
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.dictionary import OnlineDictionary

    def patches(size=8, count=3000, seed=0, images=None):
        """Mean-free patches (count, size^2) of a picture: smooth blobs cut by straight edges, as photographs have them."""
        rng = np.random.default_rng(seed)
        if images is None:
            rows, columns = np.mgrid[:160, :160] / 160
            picture = np.zeros((160, 160))
            for _ in range(60):
                angle, (a, b), width = (rng.uniform(0, 2 * np.pi), rng.uniform(0, 1, 2), rng.uniform(0.05, 0.3))
                inside = (np.hypot(rows - a, columns - b) < width) * ((rows - a) * np.cos(angle) + (columns - b) * np.sin(angle) > 0)
                picture = np.where(inside, rng.uniform(-1, 1) + rng.uniform(-1, 1) * (rows - a), picture)
            images = [picture]
        out = []
        for _ in range(count):
            image = images[rng.integers(len(images))]
            i, j = (rng.integers(image.shape[0] - size), rng.integers(image.shape[1] - size))
            out.append(image[i:i + size, j:j + size].ravel())
        out = torch.from_numpy(np.array(out))
        out = out - out.mean(1, keepdim=True)
        return out / out.std()
    def mosaic(D, columns=12):
        """Atoms as one picture."""
        size, atoms = (int(D.shape[0] ** 0.5), (D / D.abs().amax(0)).T)
        atoms = torch.nn.functional.pad(atoms[:columns * (len(atoms) // columns)].view(-1, size, size), (1, 0, 1, 0), value=-1)
        return torch.cat([torch.cat(list(row), 1) for row in atoms.split(columns)], 0)
    from sklearn.datasets import load_sample_images
    Y = patches(10, 40_000, images=[i.mean(2)/255 for i in load_sample_images().images])
    Y = Y[Y.norm(dim=1) > 1]
    photographs = OnlineDictionary(normalize(Y[:120].T, dim=0), 1.5)
    before = photographs.objective(Y[-500:])
    photographs.fit_stream(Y[120:-500], 200)
    assert photographs.objective(Y[-500:]) < before
    fig, ax = plt.subplots(figsize=(5, 4.2), dpi=60)
    ax.imshow(mosaic(photographs.D).numpy(), cmap="gray", vmin=-1, vmax=1); ax.set_axis_off()
    plt.close(fig); fig
