"""Every proximal operator, projection and penalty of the library, found by scanning: shapes, dtypes, batches, edges, optimality."""
import importlib
import inspect
import math
import pkgutil

import pytest
import sparsebook
import torch
from hypothesis import given
from hypothesis import strategies as st
from sparsebook.penalty import Penalty

NAMES = sorted(m.name for m in pkgutil.iter_modules(sparsebook.__path__))
MODULES = [n for n in NAMES if n.endswith(("prox", "projection"))]
PENALTIES = [n for n in NAMES if n.endswith("penalty")]


def operators() -> list:
    "Public functions of x and a weight, a count or a radius, which return a tensor of x's shape."
    found = []
    for name in MODULES:
        module = importlib.import_module(f"sparsebook.{name}")
        for f in (getattr(module, n) for n in module.__all__):
            if not inspect.isfunction(f) or f.__module__ != module.__name__ or f.__name__.endswith(("value", "norm", "conjugate")): continue
            parameters = list(inspect.signature(f).parameters.values())
            if parameters[0].name == "x" and (len(parameters) == 1 or parameters[1].name in WEIGHT) and all(p.default is not p.empty for p in parameters[2:]): found.append(f)
    return found


WEIGHT = dict(u=.3, lam=.3, k=2, radius=1., lo=-.5, dim=-1)
OPERATORS = operators()


def second(f):
    p = list(inspect.signature(f).parameters.values())
    return p[1].name if len(p) > 1 and p[1].name in ("u", "lam", "k", "radius") else None


def call(f, x, weight=None):
    return f(x, WEIGHT[second(f)] if weight is None else weight) if second(f) else f(x)


def draw(*shape, seed=0, dtype=torch.float64): return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def test_the_scan_finds_them():
    names = {f.__name__ for f in OPERATORS}
    assert names >= {"soft_threshold", "hard_threshold", "mcp", "scad", "l_half", "group_soft", "l0_ball"} and len(names) >= 20


@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
def test_an_operator_keeps_shape_and_dtype_and_its_input(f):
    for dtype in (torch.float64, torch.float32):
        x = draw(3, 6, 6, dtype=dtype)
        before, y = x.clone(), call(f, x)
        assert y.shape == x.shape and y.dtype == dtype and torch.equal(x, before) and y.isfinite().all() and y.data_ptr() != x.data_ptr()
    wide, narrow = call(f, draw(3, 6, 6)), call(f, draw(3, 6, 6, dtype=torch.float32))
    torch.testing.assert_close(narrow.double(), wide, atol=2e-5, rtol=2e-4)


@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: f.__name__)
def test_an_operator_works_in_batches_and_on_views(f):
    x = draw(4, 6, 6)
    torch.testing.assert_close(call(f, x), torch.stack([call(f, m) for m in x]), atol=1e-12, rtol=1e-12)
    view = draw(6, 6, 4).permute(2, 0, 1)
    torch.testing.assert_close(call(f, view), call(f, view.contiguous()), atol=1e-12, rtol=1e-12)
    assert call(f, x[:0]).shape == (0, 6, 6)


@pytest.mark.parametrize("f", [f for f in OPERATORS if second(f) in ("u", "lam")], ids=lambda f: f.__name__)
def test_a_prox_without_weight_is_the_identity_and_a_negative_weight_an_error(f):
    x = draw(3, 6, 6)
    try: y = call(f, x, 0.)
    except ValueError as e: assert "0" in str(e)  # a shape parameter may need lam > 0
    else: torch.testing.assert_close(y, x if "nonneg" not in f.__name__ else x.clamp(min=0), atol=1e-12, rtol=1e-12)
    with pytest.raises(ValueError, match="must"): call(f, x, -1.)
    with pytest.raises((ValueError, TypeError), match="must|float"): call(f, x.long() if f.__name__ != "half_space_step" else x, float("nan"))


def every_penalty() -> list[Penalty]:
    for name in PENALTIES: importlib.import_module(f"sparsebook.{name}")
    def below(c): return {c} | {d for s in c.__subclasses__() for d in below(s)}
    return [p for c in sorted(below(Penalty), key=lambda c: c.__name__) for p in c.examples()]


EVERY = every_penalty()


def point(p: Penalty, seed: int, scale: float = 1.): return scale*draw(*((12, 3) if p.matrix else (12,)), seed=seed)


@pytest.mark.parametrize("p", EVERY, ids=repr)
def test_the_prox_of_a_penalty_is_optimal(p):
    @given(st.integers(0, 10**6), st.sampled_from((.1, .7, 3.)), st.sampled_from((.05, .9, 4.)))
    def check(seed, scale, step):
        v = point(p, seed, scale)
        w = p.prox(v, step)
        def cost(z): return ((z - v)**2).sum()/2 + step*p.value(z)
        assert w.shape == v.shape and float(p.subdiff_distance(w, (w - v)/step).max()) <= 1e-9*max(1, scale/step)
        for size in (1e-3, .1, 1.): assert cost(w) <= cost(w + size*point(p, seed + 1)) + 1e-9
        assert cost(w) <= min(cost(torch.zeros_like(v)), cost(v)) + 1e-9
        if p.convex:
            v2 = point(p, seed + 2, scale)
            w2 = p.prox(v2, step)
            assert ((w - w2)**2).sum() <= ((w - w2)*(v - v2)).sum() + 1e-9
    check()


@pytest.mark.parametrize("p", EVERY, ids=repr)
def test_a_penalty_answers_every_question(p):
    w = point(p, 3)
    assert p.value(w).shape == () and p.is_penalized(12).shape == (12,) and p.is_penalized(12).dtype == torch.bool
    assert type(p.with_weight(.5)) is type(p) and p.with_weight(.5).lam == .5 and isinstance(p.convex, bool)
    free = ~p.is_penalized(12)
    torch.testing.assert_close(p.prox(w, 2.)[free], w[free])
    try: largest = p.alpha_max(w)
    except NotImplementedError as e: assert len(str(e)) > 20
    else:
        if 0 < largest < math.inf: assert not p.with_weight(largest*1.001).prox(-w*1e-4, 1e-4)[p.is_penalized(12)].any(), "0 is critical above alpha_max"
    try: conjugate = p.conjugate(w)
    except NotImplementedError as e: assert len(str(e)) > 20
    else: assert conjugate + p.value(point(p, 4)) >= (w*point(p, 4)).sum() - 1e-9, "Fenchel-Young"
