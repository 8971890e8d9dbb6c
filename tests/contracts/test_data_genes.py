"""The cells: real bytes are what the loader promises."""
import numpy as np
import pytest
from sparsebook.data import load

pytest.importorskip("h5py")
pytestmark = pytest.mark.slow


def test_pbmc68k(have):
    have("pbmc68k")
    d = load("pbmc68k")
    assert d.x.shape == d.counts.shape == d.scaled.shape == (700, 765) and d.y.shape == d.total.shape == (700,) and len(set(d.gene)) == 765
    assert d.x.dtype == d.scaled.dtype == np.float32 and d.counts.dtype == d.total.dtype == d.y.dtype == np.int64
    assert dict(zip(d.kind, np.bincount(d.y).tolist(), strict=True)) == {
        "CD4+/CD25 T Reg": 68, "CD4+/CD45RA+/CD25- Naive T": 8, "CD4+/CD45RO+ Memory": 19, "CD8+ Cytotoxic T": 54, "CD8+/CD45RA+ Naive Cytotoxic": 43,
        "CD14+ Monocyte": 129, "CD19+ B": 95, "CD34+": 13, "CD56+ NK": 31, "Dendritic": 240}
    assert d.gene[:3] == ["HES4", "TNFRSF4", "SSU72"] and d.x[0, 3:8] == pytest.approx([1.591, 1.591, 0, 1.591, 2.177]) and d.y[:2].tolist() == [5, 9]
    assert (d.x.min(), d.x.max()) == (0, np.float32(6.489)) and (d.x > 0).sum() == 174_400 and ((d.x > 0) == (d.counts > 0)).all()
    assert (d.counts.min(), d.counts.max()) == (0, 259) and (d.counts.sum(1) <= d.total).all() and d.total[:3].tolist() == [2557, 2695, 3389]
    np.testing.assert_allclose(np.log1p(1e4*d.counts/d.total[:, None]), d.x, atol=6e-4)
    assert (d.scaled.min(), d.scaled.max()) == (np.float32(-2.032), np.float32(28.408)) and np.isfinite(d.scaled).all() and abs(d.scaled.mean()) < 1e-3
    assert min(np.corrcoef(d.x[:, j], d.scaled[:, j])[0, 1] for j in range(765)) > 0.69, "both matrices hold the same genes in the same order"
    best = {g: d.kind[np.argmax([d.x[d.y == k, d.gene.index(g)].mean() for k in range(10)])] for g in ("CD79A", "GNLY", "NKG7", "LYZ", "CD8A")}
    assert best == {"CD79A": "CD19+ B", "GNLY": "CD56+ NK", "NKG7": "CD56+ NK", "LYZ": "Dendritic", "CD8A": "CD8+/CD45RA+ Naive Cytotoxic"}
