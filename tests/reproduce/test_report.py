"""The report: Markdown that renders, figures that are there, verdicts as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.reproduce.worlds import BASE, STUDY
from tools.reproduce import figures, report
from tools.reproduce.datasets import Folders
from tools.reproduce.experiment import Experiment, Outcome, Picture, Table
from tools.reproduce.experiments import experiments
from tools.reproduce.images import Dataset, Images

NOTHING = Images(np.zeros((0, 1, 1, 1), np.uint8), np.zeros(0, np.int64))


@pytest.fixture(autouse=True)
def undownloaded(monkeypatch):
    """Datasets are told of, not loaded."""
    monkeypatch.setattr(report, "load", lambda name, _: Dataset(name, f"what {name} is", NOTHING, NOTHING))


DRAWN = ("C1", "TI")


def outcome_of(experiment: Experiment, *, cell: str = "1.5") -> Outcome:
    name = experiment.key.lower()
    shown = [Picture(f"{name}_figure", f"What {name} shows", drawn())] if experiment.key in DRAWN else []
    return Outcome(
        "holds",
        f"The statistic of {experiment.key} is 0.5.",
        (Table(f"A table of {name}", ("first", "second"), [("a", cell), ("b", "2")]),),
        tuple(shown),
    )


def drawn() -> Figure:
    figure = Figure(figsize=(0.5, 0.5))
    figure.subplots().plot([1, 3, 2])
    return figure


def written(folder: Path, *, beside=(), cell: str = "1.5", study=STUDY) -> str:
    found = [(each, outcome_of(each, cell=cell)) for each in experiments()]
    path = report.write(folder, study, Folders(), found, beside)
    assert path == folder / report.REPORT
    return path.read_text(encoding="utf-8")


def tables(text: str) -> list[list[str]]:
    """Return the blocks of lines that begin with a bar."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def cells(line: str) -> list[str]:
    """Return the cells of a row, as Markdown parts them: at bars without a backslash."""
    return [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]


def assert_well_formed(text: str) -> None:
    for block in tables(text):
        assert len(block) > 2, block
        assert set(cells(block[1])) == {"---"}
        assert len({len(cells(line)) for line in block}) == 1, block


OTHER = {"first_seed": 100, "verdicts": {"C1": {"status": "does not hold"}}}


@pytest.mark.parametrize("beside", [(), (OTHER,), (OTHER, OTHER)], ids=["alone", "one beside", "two beside"])
def test_tables_have_a_cell_under_each_heading(tmp_path, beside):
    text = written(tmp_path, beside=beside)
    assert len(tables(text)) == 2 + len(experiments())  # verdicts, and what the authors' code says
    assert_well_formed(text)


def test_a_bar_or_a_line_break_in_a_cell_does_not_break_the_table(tmp_path):
    text = written(tmp_path, cell="|r - x|\nover | r |")
    assert_well_formed(text)
    assert r"| a | \|r - x\| over \| r \| |" in text


def test_every_experiment_has_one_heading_and_a_link_to_it(tmp_path):
    text = written(tmp_path)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    assert len(set(headings)) == len(headings)
    links = re.findall(r"\[[^\]]+\]\(#([^)]+)\)", text)
    assert links == [each.key.lower() for each in experiments()]
    assert set(links) <= {heading.lower().replace(" ", "-") for heading in headings}


def test_headings_and_tables_stand_between_empty_lines(tmp_path):
    lines = written(tmp_path).splitlines()
    for place, line in enumerate(lines[1:], 1):
        if line.startswith("#"):
            assert lines[place - 1] == lines[place + 1] == "", line
        if line.startswith("|") and not lines[place - 1].startswith("|"):
            assert lines[place - 1] == "", line


def test_figures_that_are_linked_are_there(tmp_path):
    linked = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", written(tmp_path))
    assert len(linked) == len(DRAWN)
    assert all((tmp_path / each).read_bytes().startswith(b"\x89PNG") for each in linked)


def test_verdicts_are_told_as_json_with_what_they_rest_on(tmp_path):
    written(tmp_path)
    told = report.read_verdicts(tmp_path)
    assert (told["study"], told["first_seed"]) == ("small", 0)
    assert list(told["verdicts"]) == [each.key for each in experiments()]
    assert told["verdicts"]["C2"] == {"status": "holds", "statistic": "The statistic of C2 is 0.5."}


def test_the_verdicts_of_another_seed_set_stand_beside_ours(tmp_path):
    written(tmp_path / "other", study=replace(STUDY, first_seed=100))
    beside = report.read_verdicts(tmp_path / "other")
    del beside["verdicts"]["C3"]
    beside["verdicts"]["C1"]["status"] = "cannot be decided"
    first = tables(written(tmp_path / "ours", beside=[beside]))[0]
    assert cells(first[0]) == ["", "claim", "verdict", "seeds from 100"]
    assert [cells(line)[2:] for line in first[2:5]] == [
        ["**holds**", "cannot be decided"],
        ["**holds**", "holds"],
        ["**holds**", "not run"],
    ]


def test_without_another_seed_set_there_is_no_column_for_it(tmp_path):
    text = written(tmp_path)
    assert cells(tables(text)[0][0]) == ["", "claim", "verdict"]
    assert "--first-seed" not in text


@pytest.mark.parametrize(
    "content", [None, "", "[]", "{}", '{"first_seed": 1}'], ids=["missing", "empty", "a list", "nothing", "half"]
)
def test_what_is_no_report_is_refused_by_name(tmp_path, content):
    if content is not None:
        (tmp_path / report.VERDICTS).write_text(content)
    with pytest.raises(SystemExit, match=r"verdicts\.json"):
        report.read_verdicts(tmp_path)


def test_the_same_outcomes_make_the_same_bytes(tmp_path):
    written(tmp_path / "a")
    written(tmp_path / "b")
    files = [path.relative_to(tmp_path / "a") for path in sorted((tmp_path / "a").rglob("*")) if path.is_file()]
    assert len(files) == 2 + len(DRAWN)
    assert all((tmp_path / "a" / each).read_bytes() == (tmp_path / "b" / each).read_bytes() for each in files)


def test_an_earlier_report_is_replaced(tmp_path):
    written(tmp_path, cell="first run")
    assert "first run" not in written(tmp_path, cell="second run")


def test_sizes_and_data_are_those_of_the_study(tmp_path):
    text = written(tmp_path, study=replace(STUDY, samples=123, replicates=7))
    assert "7 networks of each condition" in text
    assert "123 held-out images" in text
    assert all(f"- `{name}`: what {name} is." in text for name in STUDY.datasets)
    assert all(f"`{spec}` ({name})" in text for name, spec in STUDY.transforms.items())


def test_the_versions_told_are_of_what_is_installed(tmp_path):
    text = written(tmp_path)
    assert f"numpy {np.__version__}" in text
    assert re.search(r"onnxinv \d", text)


def test_undefined_numbers_are_no_json(tmp_path):
    """A verdict is text, so that its file can be read everywhere whatever the numbers were."""
    written(tmp_path, cell="nan")
    json.loads((tmp_path / report.VERDICTS).read_text(), parse_constant=pytest.fail)


LAYERS = "conv1 act1 conv2 act2 pool1 conv3 act3 conv4 act4 pool2 conv5 act5 flatten fc1 act6 fc2".split()


def panels(count: int, lines: int = 1) -> dict:
    values = np.resize(BASE, (3, len(LAYERS)))
    return {
        f"mnist5k, translation {place}": {f"line {line}": (LAYERS, values + line) for line in range(lines)}
        for place in range(count)
    }


def boxes(figure, texts) -> list:
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in texts if text.get_text()]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_titles_and_layers_of_panels_can_be_read(count):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = figures.profiles(panels(count, lines=2))
    FigureCanvasAgg(figure).draw()
    assert len(figure.axes) == count
    titles = boxes(figure, [axis.title for axis in figure.axes])
    labels = [boxes(figure, axis.get_xticklabels()) for axis in figure.axes]
    for group in (titles, *labels):
        assert all(not one.overlaps(other) for place, one in enumerate(group) for other in group[place + 1 :])
        assert all(figure.bbox.x0 <= each.x0 and each.x1 <= figure.bbox.x1 for each in group)
        assert all(figure.bbox.y0 <= each.y0 and each.y1 <= figure.bbox.y1 for each in group)
    assert [[text.get_text() for text in axis.get_xticklabels()] for axis in figure.axes] == [LAYERS] * count


def test_lines_of_networks_with_other_layers_are_drawn_over_depth():
    figure = figures.profiles({"": {"short": (LAYERS[:2], BASE[:2][None]), "long": (LAYERS[:6], BASE[None])}})
    (axis,) = figure.axes
    assert axis.get_xlabel() == "depth"
    assert [line.get_xdata()[[0, -1]].tolist() for line in axis.lines] == [[0, 1], [0, 1]]


def test_a_line_is_the_mean_of_networks_and_its_band_reaches_over_all():
    values = np.array([[1.0, 2.0], [3.0, 6.0]])
    (axis,) = figures.profiles({"": {"only": (("a", "b"), values)}}).axes
    assert axis.lines[0].get_ydata().tolist() == [2, 4]
    band = axis.collections[0].get_paths()[0].vertices
    assert {tuple(each) for each in band} == {(0, 1), (0, 3), (1, 2), (1, 6)}


def test_panels_share_an_axis_that_begins_at_0_and_reaches_over_the_largest_of_all():
    heights = {"low": 1.0, "high": 5.0, "middle": 2.0, "next row": 7.0}
    figure = figures.profiles({title: {"": (("a", "b"), np.array([[0.5, top]]))} for title, top in heights.items()})
    assert {axis.get_ylim() for axis in figure.axes} == {figure.axes[0].get_ylim()}
    low, high = figure.axes[0].get_ylim()
    assert low == 0
    assert high > 7


def test_a_grid_has_its_numbers_in_its_cells():
    figure = figures.grid({"seed 0": np.array([[0.5, 0.25], [0.125, 0]])}, "ab", "cd", row="r", column="c")
    texts = {tuple(text.get_position()): text.get_text() for text in figure.axes[0].texts}
    assert texts == {(0, 0): "0.500", (1, 0): "0.250", (0, 1): "0.125", (1, 1): "0.000"}
