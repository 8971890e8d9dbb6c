"""Generated from nbs/shared_lib/16_plot.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_style():
    import io
    import matplotlib.pyplot as plt
    from sparsebook.plot import arm_style, use_style

    use_style()
    fig, ax = plt.subplots(figsize=(6, 1.6))
    for i, (arm, look) in enumerate(arm_style(["dense", "STE", "SR-STE", "prune"]).items()): ax.plot([0, 1], [i, i], label=arm, **look)
    ax.set(yticks=[], xticks=[], title="four arms"); ax.legend(loc="center left", bbox_to_anchor=(1, 0.5));

    def svg_bytes():
        use_style()
        fig, ax = plt.subplots()
        ax.plot([0, 1, 2], [0, 1, 4], label="a")
        ax.legend()
        out = io.BytesIO()
        fig.savefig(out, format="svg", metadata={"Date": None})
        plt.close(fig)
        return out.getvalue()

    assert svg_bytes() == svg_bytes()
    try: arm_style([str(i) for i in range(9)])
    except ValueError as e: print(e)
    else: raise AssertionError("nine arms were accepted")


def test_means_with_intervals():
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    from sparsebook.plot import arm_style, interval_line, interval_points, use_style

    use_style()
    rng = np.random.default_rng(0)
    frame = pd.DataFrame([dict(pattern=p, arm=a, acc=80 + 3 * i - 2 * j + rng.normal()) for i, p in enumerate(["1:16", "1:8", "1:4", "2:4"]) for j, a in enumerate(["SR-STE", "STE"]) for _ in range(5)])
    fig, ax = plt.subplots(figsize=(6, 3))
    drawn = interval_points(ax, frame, "pattern", "acc", "arm", arm_style(["SR-STE", "STE"]))
    ax.set(xlabel="pattern", ylabel="accuracy [%]"); ax.legend();

    from scipy import stats
    g = frame[(frame.pattern == "1:8") & (frame.arm == "STE")].acc
    row = drawn[(drawn.pattern == "1:8") & (drawn.arm == "STE")].iloc[0]
    low, high = stats.t.interval(0.95, len(g) - 1, g.mean(), stats.sem(g))
    np.testing.assert_allclose([row["mean"], row.low, row.high], [g.mean(), low, high])
    fig, ax = plt.subplots()
    line = interval_line(ax, frame.assign(step=1), "step", "acc", "all", arm_style(["all"])["all"])
    assert len(line) == 1 and line.n[0] == 40
    plt.close("all")
