"""Descriptions of packages: counts, tags, and that a summary finds its own description."""
import re
from collections import Counter

import numpy as np
import pytest
from sparsebook.data import load
from sparsebook.data_debian import TOPICS, debian_retrieval

pytestmark = pytest.mark.slow


def test_debian_descriptions(have):
    have("debian-descriptions")
    d = load("debian-descriptions")
    assert {len(column) for column in d} == {63_436} and d.name == sorted(set(d.name)) and all(d.synopsis) and all(d.section)
    assert all(t == " ".join(t.split()) for t in d.synopsis + d.body)
    i = d.name.index("0ad")
    assert d.synopsis[i] == "Real-time strategy game of ancient warfare" and d.body[i].startswith('0 A.D. (pronounced "zero ey-dee") is a free') and d.section[i] == "games"
    assert d.tags[i] == ["game::strategy", "interface::graphical", "interface::x11", "role::program", "uitoolkit::sdl", "uitoolkit::wxwidgets", "use::gameplaying", "x11::application"]
    assert sum(map(bool, d.tags)) == 30_300 and len(set(d.body)) == 60_228 and Counter(d.section).most_common(2) == [("libs", 6703), ("libdevel", 5557)]
    assert {t.split("::")[0] for tags in d.tags for t in tags} > set(TOPICS)


def test_debian_retrieval(have):
    have("debian-descriptions")
    d, other = debian_retrieval(shared=3), debian_retrieval(seed=1)
    assert len(d.docs) == len(set(d.docs)) == 20_000 and len(d.queries) == len(set(d.queries)) == 1000 and d.queries != other.queries
    own = d.qrels[d.qrels[:, 2] == 2]
    assert set(own[:, 0].tolist()) == set(range(1000)) and np.bincount(own[:, 0]).max() <= 3 and set(d.qrels[:, 2].tolist()) == {1, 2}
    words = lambda t: set(re.findall("[a-z]{4,}", t.lower()))
    overlap = lambda pairs: np.mean([len(words(d.queries[q]) & words(d.docs[k]))/max(len(words(d.queries[q])), 1) for q, k in pairs])
    rng = np.random.default_rng(0)
    alike, any_pair = overlap(d.qrels[d.qrels[:, 2] == 1][:, :2]), overlap(np.stack([rng.integers(0, 1000, 3000), rng.integers(0, 20_000, 3000)], 1))
    assert overlap(own[:, :2]) > 0.4 and any_pair < 0.1 and alike > 1.5*any_pair, "own descriptions share words with a summary, descriptions with like tags some, others few"
