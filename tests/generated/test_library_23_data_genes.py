"""Generated from nbs/shared_lib/23_data_genes.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_ten_kinds_of_blood_cells():
    import numpy as np
    from sparsebook.archive import DataError
    from sparsebook.fetch import cached
    import tempfile
    from pathlib import Path
    from unittest import mock
    import pytest
    from sparsebook.data_genes import load_pbmc68k

    def made_up(folder, values):
        "A tiny file of the same build: 2 cells, 3 genes."
        import h5py
        with h5py.File(folder/"10x_pbmc68k_reduced.h5ad", "w") as f:
            f["X"] = np.array([[.1, -.2, .3], [1, 2, 3]], "f4")
            f["obs"] = np.array([(b"AAAC-1", 1, 2000.), (b"AAAG-1", 0, 5000.)], [("index", "S6"), ("bulk_labels", "i1"), ("n_counts", "f4")])
            f["var"] = np.array([(b"HES4",), (b"CD79A",), (b"LYZ",)], [("index", "S5")])
            f["uns/bulk_labels_categories"] = np.array([b"CD19+ B", b"CD34+"])
            for part, a in (("data", np.asarray(values, "f4")), ("indices", np.array([2, 0, 1], "i4")), ("indptr", np.array([0, 2, 3], "i4"))): f[f"raw.X/{part}"] = a
        return mock.patch(f"{load_pbmc68k.__module__}.fetch", lambda name: {"10x_pbmc68k_reduced.h5ad": folder/"10x_pbmc68k_reduced.h5ad"})

    with tempfile.TemporaryDirectory() as tmp, made_up(Path(tmp), np.log1p([5.*7, 5.*1, 2.*30]).round(3)): d = load_pbmc68k()
    assert d.counts.tolist() == [[1, 0, 7], [0, 30, 0]] and d.total.tolist() == [2000, 5000] and d.y.tolist() == [1, 0] and d.kind == ["CD19+ B", "CD34+"] and d.gene == ["HES4", "CD79A", "LYZ"]
    np.testing.assert_allclose(d.x, np.log1p(1e4*d.counts/d.total[:, None]), atol=6e-4)
    assert d.x.dtype == d.scaled.dtype == np.float32 and d.counts.dtype == d.y.dtype == np.int64 and (d.x[d.counts == 0] == 0).all()

    if cached("pbmc68k"):
        import matplotlib.pyplot as plt
        d = load_pbmc68k()
        markers = [g for g in ("CD79A", "MS4A1", "GNLY", "NKG7", "LYZ", "CST3", "CD8A")]
        mean = np.array([[d.x[d.y == k, d.gene.index(g)].mean() for g in markers] for k in range(10)])
        fig, ax = plt.subplots(figsize=(5, 3), dpi=72)
        fig.colorbar(ax.imshow(mean, cmap="viridis", aspect="auto"), label="mean x")
        ax.set(xticks=range(len(markers)), xticklabels=markers, yticks=range(10), yticklabels=[f"{k} ({(d.y == i).sum()})" for i, k in enumerate(d.kind)], title="known markers by kind of cell")
        ax.tick_params(labelsize=7)
    else: print("not in the cache yet: load_pbmc68k() fetches 2 MB")

    with tempfile.TemporaryDirectory() as tmp, made_up(Path(tmp), [1.5, 1.6, 1.7]), pytest.raises(DataError, match="the counts should be whole numbers"): load_pbmc68k()
    with tempfile.TemporaryDirectory() as tmp, made_up(Path(tmp), [0, 0, 0]):
        (Path(tmp)/"10x_pbmc68k_reduced.h5ad").write_bytes(b"no HDF5")
        with pytest.raises(DataError, match="not the file of scanpy 1.11.5") as caught: load_pbmc68k()
    with mock.patch.dict("sys.modules", h5py=None), pytest.raises(ImportError, match=r"needs h5py: pip install 'sparsebook\[data\]'"): load_pbmc68k()
