"""The SVG file of a figure has one vertex for each step of its lines, where the figure shows the points."""

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchbed.plotting import render_images, theme
from benchbed_course.figures.step_lines import CURVE, PATH, SVG, render_step_lines

pytestmark = pytest.mark.slow


@pytest.fixture
def axes():
    """A panel that fills a figure of 144 × 72 points: x from 0 to 10, y from 0 to 10 upwards."""
    axes = Figure(figsize=(2, 1)).add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 10), ylim=(0, 10))
    return axes


def groups_of(axes, readings=None):
    """Render the figure and return the groups of lines that follow steps."""
    root = ElementTree.fromstring(render_step_lines(axes.figure, readings or {})["svg"])
    return [group for group in root.iter(f"{SVG}g") if "data-steps" in group.attrib]


def points_of(path):
    """Return the vertices of a path, one for each token."""
    return [tuple(float(number) for number in token[1:].split(",")) for token in path.get("d").split(" ")]


def expected(x, y):
    """Return the positions of points in the file, in points, y downwards."""
    return [
        (pytest.approx(14.4 * a, abs=0.05), pytest.approx(72 - 7.2 * b, abs=0.05))
        for a, b in zip(x, y, strict=True)
    ]


def test_a_path_has_a_vertex_for_each_step(axes):
    """Even where points lie on one straight line, or outside the panel, which matplotlib leaves out."""
    x, y = [1, 2, 3, 4, 40, 50, 5], [1, 2, 3, 4, 2, -30, 5]
    axes.plot(x, y, gid=PATH)
    axes.plot([0, 10], [0, 10])
    (group,) = groups_of(axes)
    path = group.find(f"{SVG}path")
    assert points_of(path) == expected(x, y)
    assert path.get("d").startswith("M")
    assert group.get("data-steps") == ""
    assert path.get("clip-path").startswith("url(#")


def test_markers_have_an_element_for_each_step(axes):
    """Also without a line between them."""
    x, y = [1, 2, 30, 3], [1, 2, 3, 4]
    axes.plot(x, y, "o", gid=PATH)
    (group,) = groups_of(axes)
    positions = [(float(use.get("x")), float(use.get("y"))) for use in group.iter(f"{SVG}use")]
    assert positions == expected(x, y)
    assert group.find(f"{SVG}path") is None


def test_a_curve_lists_its_steps(axes):
    """Its checkpoints need not be all steps; the axes may be logarithmic."""
    axes.set(xscale="log", xlim=(1, 100))
    axes.plot([1, 10, 100, 5000], [1, 2, 3, 4], gid=CURVE)
    (group,) = groups_of(axes)
    assert group.get("data-steps") == "1 10 100 5000"
    assert points_of(group.find(f"{SVG}path"))[:3] == expected([0, 5, 10], [1, 2, 3])


def test_a_point_that_is_not_finite_repeats_the_one_before(axes):
    """So that vertices and steps stay in line; a huge one is cut, and a line without any finite point left out."""
    axes.plot([np.nan, 1, np.inf, 2, 1e300], [3, 1, 2, 2, 2], gid=PATH)
    axes.plot([np.nan, np.nan], [1, 2], gid=PATH)
    axes.plot([], [], gid=PATH)
    (group,) = groups_of(axes)
    points = points_of(group.find(f"{SVG}path"))
    assert points[:4] == expected([1, 1, 1, 2], [1, 1, 1, 2])
    assert points[4] == (1e4, expected([2], [2])[0][1])


def test_a_far_point_keeps_the_direction_of_its_segment(axes):
    """The slope in the figure is that of the data, times 7.2 / 14.4 and downwards, up to the rounding of the file."""
    x, y = np.array([1, 3, 2, -1e7, 4]), np.array([1, 3e6, 2, 1e20, 5])
    axes.plot(x, y, gid=PATH)
    (group,) = groups_of(axes)
    points = np.array(points_of(group.find(f"{SVG}path")))
    assert [*points[[0, 2, 4]].ravel()] == [
        number for point in expected(x[[0, 2, 4]], y[[0, 2, 4]]) for number in point
    ]
    for far, before in ((1, 0), (3, 2)):
        assert abs(points[far]).max() == 1e4
        (run, rise), slope = points[far] - points[before], (y[far] - y[before]) / (x[far] - x[before])
        assert run * slope * -7.2 == pytest.approx(rise * 14.4, abs=0.2 * abs(slope) * 7.2)


def test_a_path_that_begins_far_away_returns(axes):
    """Its first point has none before it; the others stay where they are."""
    axes.plot([1e9, 2, 3], [-1e9, 2, 3], gid=PATH)
    (group,) = groups_of(axes)
    points = points_of(group.find(f"{SVG}path"))
    assert points == [(1e4, 1e4), *expected([2, 3], [2, 3])]


def test_a_stepped_line_moves_across_before_it_moves_up(axes):
    """Each token is a whole step."""
    axes.step([1, 2, 3], [1, 5, 2], where="post", gid=PATH)
    (group,) = groups_of(axes)
    assert group.find(f"{SVG}path").get("d") == "M14.4,64.8 H28.8V36.0 H43.2V57.6"


def test_a_stepped_line_goes_far_up_at_its_step(axes):
    """It moves across to the step and then up, however far."""
    axes.step([1, 2, 3], [1, -1e20, 2], where="post", gid=PATH)
    (group,) = groups_of(axes)
    assert group.find(f"{SVG}path").get("d") == "M14.4,64.8 H28.8V10000.0 H43.2V57.6"


def test_readings_are_in_the_file(axes):
    """As JSON that a script reads."""
    axes.plot([1, 2], [1, 2], gid=PATH)
    svg = render_step_lines(axes.figure, {'a "b"': ["1", "2 × 10⁻⁷"]})["svg"]
    assert ElementTree.fromstring(svg).get("data-readings") == '{"a \\"b\\"": ["1", "2 × 10⁻⁷"]}'


def test_other_figures_stay_as_they_are(axes):
    """Byte by byte."""
    axes.plot([1, 2], [1, 2])
    with theme("salt"):  # for the same identifiers
        assert render_step_lines(axes.figure, {}) == render_images(axes.figure)


def test_the_image_does_not_depend_on_the_steps(axes):
    """The PNG shows the whole lines."""
    (line,) = axes.plot([1, 2, 5], [1, 2, 9], "-o")
    whole = render_images(axes.figure)["png"]
    line.set_gid(PATH)
    assert render_step_lines(axes.figure, {})["png"] == whole
