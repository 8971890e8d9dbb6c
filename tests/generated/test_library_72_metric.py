"""Generated from nbs/shared_lib/72_metric.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_support_recovery():
    import torch
    import math
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.metric import auroc, matthews, support_recovery

    def close(a, b, tol=1e-10):
        np.testing.assert_allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=tol, atol=tol)
    def normal(seed, *shape):
        return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    support_recovery(torch.tensor([[1., 0, 2, 3], [0, 0, 0, 0]]), torch.tensor([[5., 1, 1, 0], [1, 0, 0, 0]]))

    @given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
    def by_counting(pairs):
        a, b = torch.tensor(pairs).T
        S, T = {i for i, p in enumerate(pairs) if p[0]}, {i for i, p in enumerate(pairs) if p[1]}
        r = support_recovery(a.double()*.3, b.double()*2)
        close([*r], [len(S & T)/len(T) if T else 1, len(S - T)/len(S) if S else 0, 2*len(S & T)/(len(S) + len(T)) if S | T else 1, S == T])
        close(matthews(a, b), np.corrcoef(a, b)[0, 1] if 0 < len(S) < len(pairs) and 0 < len(T) < len(pairs) else 0)
        score = a*2. + b[torch.arange(len(b)).flip(0)]  # few values, many ties
        wins = [(p > q) + .5*(p == q) for p in score[b] for q in score[~b]]
        assert auroc(score, b).isnan() if not wins else abs(auroc(score, b) - float(sum(wins))/len(wins)) < 1e-12
    by_counting()
    from sklearn.metrics import f1_score, matthews_corrcoef, roc_auc_score
    a, b, s = normal(0, 60) > .5, normal(1, 60) > .3, normal(2, 60)
    close([support_recovery(a, b).f1, matthews(a, b), auroc(s, b)], [f1_score(b, a), matthews_corrcoef(b, a), roc_auc_score(b, s)])
    assert support_recovery(torch.tensor([1e-9, 1.]), torch.tensor([0, 1]), tol=1e-6).exact
    refuses((lambda: support_recovery(a, b[:5]), "must have one shape, got (60,) and (5,)"), (lambda: auroc(s*math.nan, b), "score must be finite, got 60 NaN"))


def test_structural_hamming_distance():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.metric import shd

    def normal(seed, *shape):
        return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    W = torch.tensor([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    {"reversed": int(shd(W.T, W)), "empty": int(shd(W*0, W)), "one reversed": int(shd(torch.tensor([[0, 0, 1], [1, 0, 1], [0, 0, 0]]), W))}

    @given(st.integers(1, 5), st.integers(0, 10**6))
    def by_loop(d, seed):
        A, B = ((normal(seed + i, d, d) > .3).fill_diagonal_(False) for i in range(2))
        assert int(shd(A*.5, B)) == sum((bool(A[i, j]), bool(A[j, i])) != (bool(B[i, j]), bool(B[j, i])) for i in range(d) for j in range(i))
        assert shd(A, A) == 0 and shd(A, B) == shd(B, A) and shd(torch.stack([A, B]), torch.stack([B, B])).tolist() == [int(shd(A, B)), 0]
    by_loop()
    refuses((lambda: shd(torch.eye(3), torch.eye(3)), "no self-loops"))


def test_reconstruction():
    import torch
    import math
    import numpy as np
    from sparsebook.metric import nmse, psnr

    def close(a, b, tol=1e-10):
        np.testing.assert_allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=tol, atol=tol)
    def normal(seed, *shape):
        return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    x = normal(0, 3, 50)
    nmse(x + .1*normal(1, 3, 50), x, dim=-1), psnr(x + .1, x)  # an error of 0.1 everywhere is 20 dB below the peak

    x, y = normal(0, 3, 4, 5), normal(1, 3, 4, 5)
    close(nmse(y, x, dim=(1, 2)), [np.linalg.norm(b - a)**2/np.linalg.norm(a)**2 for a, b in zip(x.numpy(), y.numpy(), strict=True)])
    close(psnr(y, x, 255.), 20*math.log10(255) - 10*math.log10(float(((y - x)**2).mean())))
    assert nmse(x, x) == 0 and nmse(0*x, x) == 1 and psnr(x, x) == math.inf and nmse(0*x, 0*x).isnan()
    close(nmse(3*y, 3*x), nmse(y, x)); close(psnr(255*y, 255*x, 255.), psnr(y, x))
    refuses((lambda: psnr(x, x, 0.), "peak must be > 0, got 0.0"), (lambda: nmse(x, x[0]), "must have one shape"))


def test_how_sparse_is_a_vector():
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.metric import gini, hoyer

    def close(a, b, tol=1e-10):
        np.testing.assert_allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=tol, atol=tol)
    def normal(seed, *shape):
        return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    x = normal(0, 1000)
    p = torch.linspace(1, 6, 30)
    fig, ax = plt.subplots(figsize=(4.2, 2.5), dpi=80)
    for f in (hoyer, gini): ax.plot(p, [f(x.abs()**float(q)) for q in p], label=f.__name__)
    ax.set_xlabel("power of Gaussian entries"); ax.set_ylabel("sparsity"); ax.legend(); plt.close(fig); fig

    @given(st.lists(st.integers(-4, 4), min_size=2, max_size=10).filter(any), st.floats(1e-3, 1e3))
    def axioms(values, c):
        x = torch.tensor(values, dtype=torch.float64)
        a, n = np.abs(values), len(values)
        close(gini(x), np.abs(a[:, None] - a).sum()/(2*n*a.sum()))  # mean difference of all pairs, over twice the mean
        close(hoyer(x), (n**.5 - a.sum()/(a**2).sum()**.5)/(n**.5 - 1))
        for f in (hoyer, gini):
            close(f(c*x.flip(0)), f(x))
            assert -1e-12 <= f(x) <= 1 + 1e-12 and f(torch.cat([x, 0*x])) >= f(x) - 1e-12  # adding zeros never lowers it
            big, small = x.abs().argmax(), x.abs().argmin()
            if x[big].abs() > x[small].abs() + 1:
                y = x.abs(); y[big] -= .5; y[small] += .5
                assert f(y) < f(x) + 1e-12  # the rich give to the poor: less sparse
        close(gini(x.repeat(3)), gini(x))
    axioms()
    one = torch.eye(5, dtype=torch.float64)
    close(hoyer(one), np.ones(5)); close(gini(one), np.full(5, .8)); close(hoyer(one, 0), hoyer(one.T)); close([hoyer(one[0]*0 + 3), gini(one[0]*0 + 3)], [0, 0])
    assert gini(torch.zeros(4)).isnan() and hoyer(torch.zeros(4)).isnan()
    refuses((lambda: hoyer(torch.ones(1)), "at least 2 entries to be sparse, got 1"))


def test_is_it_the_same_dictionary():
    import torch
    import itertools
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.metric import amari, dict_error_l4, dictionary_recovery, match_atoms, max_cos, mean_correlation

    def close(a, b, tol=1e-10):
        np.testing.assert_allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=tol, atol=tol)
    def normal(seed, *shape):
        return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    D0 = torch.linalg.qr(normal(0, 16, 16))[0]
    noise = [0, .05, .1, .2, .4]
    found = [torch.linalg.qr(D0[:, torch.randperm(16, generator=torch.Generator().manual_seed(0))] + s*normal(1, 16, 16))[0] for s in noise]
    {s: dict(recovery=float(dictionary_recovery(D, D0)), cos=round(float(max_cos(D, D0).mean()), 3), l4=round(float(dict_error_l4(D, D0)), 3), amari=round(float(amari(D, D0)), 3)) for s, D in zip(noise, found, strict=True)}

    @given(st.integers(1, 5), st.integers(0, 2), st.integers(0, 10**6))
    def by_all_permutations(m, more, seed):
        D, T = normal(seed, 6, m + more), normal(seed + 1, 6, m)
        c = np.array([[abs(float(a @ b)/float(a.norm()*b.norm())) for b in T.T] for a in D.T])
        order, sign, cosine = match_atoms(D, T)
        best = max(sum(c[i, j] for j, i in enumerate(p)) for p in itertools.permutations(range(m + more), m))
        close(cosine.sum(), best); close(max_cos(D, T), c.max(0))
        close(cosine, torch.nn.functional.cosine_similarity(D[:, order]*sign, T, dim=0))
        close(dictionary_recovery(D, T, .5), (cosine.numpy() >= .5).mean())
        R = np.abs(np.corrcoef(D.T, T.T)[:m + more, m + more:])
        close(mean_correlation(D, T), max(np.mean([R[i, j] for j, i in enumerate(p)]) for p in itertools.permutations(range(m + more), m)))
    by_all_permutations()

    @given(st.integers(2, 6), st.integers(0, 10**6))
    def of_square_ones(n, seed):
        A, B = normal(seed, n, n), normal(seed + 1, n, n)
        Q, R = torch.linalg.qr(A)[0], torch.linalg.qr(B)[0]
        close(dict_error_l4(Q, R), 1 - sum(float(Q[:, i] @ R[:, j])**4 for i in range(n) for j in range(n))/n)
        P = np.abs(np.linalg.inv(A.numpy()) @ B.numpy())
        close(amari(A, B), (sum(r.sum()/r.max() - 1 for r in P) + sum(k.sum()/k.max() - 1 for k in P.T))/(2*n*(n - 1)), 1e-6)
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
        same = R[:, order]*torch.where(normal(seed, n) < 0, -1, 1)
        close([dict_error_l4(same, R), amari(same*3, R), amari(A[:, order]*normal(seed + 3, n), A)], [0, 0, 0], 1e-6)
        assert dictionary_recovery(same, R) == 1 and torch.equal(R[:, match_atoms(R, same).order]*match_atoms(R, same).sign, same)
        assert 0 <= dict_error_l4(Q, R) <= 1 - 1/n + 1e-12 and 0 <= amari(A, B) <= 1
    of_square_ones()
    H = torch.tensor([[1., 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])/2
    close([dict_error_l4(H, torch.eye(4)), amari(H, torch.eye(4))], [.75, 1]); close(mean_correlation(torch.ones(5, 1), normal(0, 5, 1).float()), 0)
    refuses((lambda: match_atoms(H[:, :2], H), "at least as many learned as true atoms are needed, got 2 for 4"), (lambda: max_cos(H[:2], H), "must have one length, got (2, 4) and (4, 4): transpose?"))


def test_retrieval():
    import torch
    import math
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.metric import mrr, ndcg_at_k, recall_at_k

    def close(a, b, tol=1e-10):
        np.testing.assert_allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=tol, atol=tol)
    def normal(seed, *shape):
        return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    scores, relevant = torch.tensor([[.9, .1, .8, .4], [.1, .2, .3, .4]]), torch.tensor([[0, 1, 1, 0], [0, 0, 0, 0]])
    recall_at_k(scores, relevant, 2), ndcg_at_k(scores, relevant, 2), mrr(scores, relevant)

    @given(st.integers(1, 8), st.integers(0, 10**6), st.booleans(), st.data())
    def by_loop(n, seed, ties, data):
        s = normal(seed, n); s = s.round() if ties else s
        rel, out, k = (normal(seed + 1, n)*2).round().clamp_min(0), normal(seed + 2, n) > .8, data.draw(st.integers(1, n))
        out &= rel == 0
        order = sorted((i for i in range(n)), key=lambda i: (bool(out[i]), -float(s[i]), i))
        r, want = [float(rel[i]) for i in order], int((rel > 0).sum())
        got = [f(s, rel, k, out) for f in (recall_at_k, ndcg_at_k, mrr)]
        if want == 0: assert all(g.isnan() for g in got); return
        dcg = lambda grades: sum(g/math.log2(i + 2) for i, g in enumerate(grades[:k]))
        close(got, [sum(g > 0 for g in r[:k])/want, dcg(r)/dcg(sorted(r, reverse=True)), next((1/(i + 1) for i, g in enumerate(r[:k]) if g > 0), 0)])
    by_loop()
    from sklearn.metrics import label_ranking_average_precision_score, ndcg_score
    s, rel = normal(0, 5, 30), (normal(1, 5, 30)*2).round().clamp_min(0)
    close(ndcg_at_k(s, rel, 7).mean(), ndcg_score(rel, s, k=7))
    one = torch.eye(30)[:5]
    close(mrr(s, one).mean(), label_ranking_average_precision_score(one, s))  # equal when one item is relevant
    refuses((lambda: recall_at_k(s, rel, 31), "k must be in 1..30 (the items), got 31"), (lambda: ndcg_at_k(s, -rel), "grades must be >= 0"), (lambda: mrr(s, rel, exclude=rel > 0), "training and test items overlap"))


def test_calibration():
    import torch
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.metric import ece

    def close(a, b, tol=1e-10):
        np.testing.assert_allclose(np.asarray(a, dtype=float), np.asarray(b, dtype=float), rtol=tol, atol=tol)
    def normal(seed, *shape):
        return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    p = torch.softmax(normal(0, 4000, 5)*1.5, -1)
    y = torch.multinomial(p, 1, generator=torch.Generator().manual_seed(0))[:, 0]  # labels drawn from p: calibrated
    {f"logits x {t}": round(float(ece(torch.softmax(t*p.log(), -1), y)), 3) for t in (.5, 1, 2, 4)}

    @given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 10**6))
    def by_loop(n, bins, seed):
        p, y = torch.softmax((2*normal(seed, n, 4)).round(), -1), (normal(seed + 1, n)*2).long().abs() % 4
        c, ok, total = p.max(1).values.numpy(), (p.argmax(1) == y).numpy(), 0
        for b in range(bins):
            inside = (c*bins > b) & (c*bins <= b + 1)
            if inside.any(): total += inside.mean()*abs(ok[inside].mean() - c[inside].mean())
        close(ece(p, y, bins), total)
    by_loop()
    sure = torch.eye(3)
    assert ece(sure, torch.arange(3)) == 0 and ece(sure, torch.tensor([1, 2, 0])) == 1
    close(ece(torch.full((4, 2), .5), torch.tensor([0, 0, 0, 1])), .25)
    refuses((lambda: ece(torch.ones(2, 3), torch.zeros(2)), "rows of probs must sum to 1, got sums in 3..3: apply softmax to logits"), (lambda: ece(torch.ones(3), torch.zeros(3)), "probs must be (n, classes)"))
