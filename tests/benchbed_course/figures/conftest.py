"""Small studies of the course's suites, and the figures that are drawn from them."""

import io
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import benchbed
import benchbed_course

SUITES = Path(benchbed_course.__file__).parent / "suites"


@pytest.fixture(scope="session")
def study_of(tmp_path_factory):
    """Return a function that runs a suite of the course in this process, without reports and figures.

    Its keyword arguments replace values of the suite.
    """

    def run(suite, **changes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports,course")
            return benchbed.run(
                SUITES / f"{suite}.toml",
                output=tmp_path_factory.mktemp(suite),
                jobs=1,
                executor="serial",
                **changes,
            )

    return run


@pytest.fixture(scope="session")
def drawn():
    """Return a function that draws with a module's function, and returns the matplotlib figure and the picture."""

    def draw(function, *sources):
        module, figures = import_module(function.__module__), []
        original = module.picture

        def record(figure, *sentences, **options):
            figures.append(figure)
            return original(figure, *sentences, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "picture", record)
            result = function(*sources)
        return figures[-1], result

    return draw


@pytest.fixture(scope="session")
def animated():
    """Return a function that animates with a module's function, and returns figure, `show`, steps and GIF."""

    def animate(function, *arguments):
        module, calls = import_module(function.__module__), []
        original = module.animation

        def record(figure, show, frames, **options):
            calls.append((figure, show, frames))
            return original(figure, show, frames, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "animation", record)
            gif = function(*arguments)
        return *calls[-1], gif

    return animate


@pytest.fixture(scope="session")
def assert_small_and_moving():
    """Return a function that checks a GIF: its number of frames, all with one palette, that differ; at most 600 kB."""

    def check(content, frames):
        assert len(content) < 600_000
        with Image.open(io.BytesIO(content)) as gif:
            assert gif.n_frames == frames
            images, palettes = [], set()
            for frame in range(frames):
                gif.seek(frame)
                images.append(np.asarray(gif.convert("RGB")))
                palettes.add(bytes(gif.global_palette.getdata()[1]))
        assert len(palettes) == 1
        assert all((image != images[0]).any() for image in images[1:])

    return check


@pytest.fixture(scope="session")
def followed_lines():
    """Return a function that counts the lines of a picture that the slider of the page draws up to a step."""
    return lambda picture: picture.files["svg"].count(b" data-steps=")
