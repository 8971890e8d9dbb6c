"""Generated from nbs/shared_lib/24_data_stream.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_shuttle_rare_anomalies_in_a_stream():
    import gzip
    import numpy as np
    from sparsebook.fetch import cached
    import tempfile
    from pathlib import Path
    from unittest import mock
    from sparsebook.data_stream import load_shuttle

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"shuttle.csv.gz").write_bytes(gzip.compress(b"f1,f2,anomaly\n50,21,1\n53,-5,0\n"))
    with stand_in(load_shuttle, folder): d = load_shuttle()
    assert d.x.tolist() == [[50, 21], [53, -5]] and d.y.tolist() == [1, 0] and d.x.dtype == np.float64
    if cached("shuttle"):
        d = load_shuttle()
        print(f"{d.y.mean():.3f} of the rows are anomalies; first row {d.x[0]}")


def test_ridership_twenty_stations_a_fortnight_before():
    import numpy as np
    from sparsebook.fetch import cached
    from unittest import mock
    from sparsebook.data_stream import load_ridership

    made_up = {"Chicago": {"ridership": [15.7, 15.8], "Austin": [1.4, 1.5], "temp": [20., 21.], "date": [11344., 11345.]}, "stations": ["Austin"]}
    with mock.patch.multiple(load_ridership.__module__, fetch=lambda name: {"Chicago.rda": 0}, read_r=lambda path: made_up): d = load_ridership()
    assert (d.station, d.what, d.x.tolist(), d.other.tolist()) == (["Austin"], ["temp"], [[1.4], [1.5]], [[20], [21]])
    assert str(d.date[0]) == "2001-01-22"
    with mock.patch.multiple(load_ridership.__module__, fetch=lambda name: {"Rdata.rdx": 0, "Rdata.rdb": 0}, read_lazy=lambda index, objects, name: made_up[name]): also = load_ridership()
    for one, two in zip(d, also, strict=True): np.testing.assert_array_equal(one, two)

    if cached("ridership"):
        import matplotlib.pyplot as plt
        d = load_ridership()
        fig, ax = plt.subplots(figsize=(7, 2), dpi=72)
        ax.plot(d.date[:120], d.y[:120])
        ax.set(ylabel="thousand people", title="Clark and Lake: weeks, and a holiday")
    else: print("not in the cache yet: load_ridership() fetches 0.3 MB")


def test_carbon_dioxide_over_mauna_loa():
    import numpy as np
    import tempfile
    from pathlib import Path
    from unittest import mock
    from sparsebook.data_stream import load_co2

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"co2.csv").write_text("date,co2\n19580329,316.1\n19580405,\n")
    with stand_in(load_co2, folder): d = load_co2()
    np.testing.assert_array_equal(d.value, [316.1, np.nan])
    assert d.date[1] - d.date[0] == np.timedelta64(7, "D")


def test_brain_thirty_one_regions_over_time():
    import tempfile
    from pathlib import Path
    from unittest import mock
    from sparsebook.data_stream import load_brain

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"fmri_timeseries.csv").write_text('"WM","LCau"\n10125.9,-7.4\n')
    with stand_in(load_brain, folder): d = load_brain()
    assert d.region == ["WM", "LCau"] and d.x.tolist() == [[10125.9, -7.4]]


def test_tables_for_sums_of_kernels():
    import numpy as np
    from sparsebook.archive import DataError
    import tempfile
    from pathlib import Path
    from unittest import mock
    import pytest
    from sparsebook.data_stream import load_kernel_tables

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    from scipy.io import savemat
    folder = temp()
    parts = {"xtrain": np.array([[1], [2]], "u2"), "ytrain": np.array([[0.5], [1.5]]), "xtest": np.array([[3]], "u2"), "ytest": np.array([[2.5]])}
    for name in ("CO2.mat", "hoteldata.mat", "wine1279.mat"): savemat(folder/name, parts)
    with stand_in(load_kernel_tables, folder): d = load_kernel_tables()
    assert list(d) == ["co2", "hotel", "wine"] and d["co2"].x_train.dtype == np.float64 and d["wine"].y_train.tolist() == [0.5, 1.5]
    savemat(folder/"ale80.mat", {"xtrain": [1]})
    with stand_in(load_kernel_tables, folder), pytest.raises(DataError, match="ytrain, xtest, ytest missing"): load_kernel_tables()
