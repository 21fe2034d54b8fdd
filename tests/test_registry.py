"""Names are found by themselves, in folders and in plug-ins, and a bad plug-in is named."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from pydantic import BaseModel, Field

from onnxinv import registry as module
from onnxinv.errors import UsageError
from onnxinv.registry import Registry


class One(BaseModel):
    """The first."""

    steps: int = Field(3, description="how many")
    path: str = Field(description="where")


class Other(BaseModel):
    """The second."""


@pytest.fixture
def formats(monkeypatch):
    """Return a function that makes a registry of formats with these plug-ins, name by target."""

    def make(**targets: str) -> Registry:
        def entry_points(group: str) -> list[EntryPoint]:
            return [EntryPoint(name, target, group) for name, target in targets.items()]

        monkeypatch.setattr(module, "entry_points", entry_points)
        return Registry("format", "tests.reports")  # a package that registers nothing here

    return make


def test_a_plug_in_is_found(formats):
    found = formats(one=f"{__name__}:One")
    assert found.names() == ["one"]
    assert found.get("one").__doc__ == "The first."
    assert found.name_of(found.get("one")) == "one"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param("nowhere_at_all:One", "No module named 'nowhere_at_all'", id="a module that is not there"),
        pytest.param("onnxinv.errors:Nothing", "has no attribute 'Nothing'", id="a class that is not there"),
        pytest.param("onnxinv.spec:parse", "it is not a pydantic model", id="a function"),
        pytest.param("onnxinv.errors:UsageError", "it is not a pydantic model", id="another class"),
    ],
)
def test_a_broken_plug_in_is_named(formats, target, reason):
    with pytest.raises(UsageError) as caught:
        formats(broken=target).names()
    assert f"The plug-in {target} cannot be loaded as format 'broken'" in caught.value.message
    assert reason in caught.value.message
    assert "Mend or uninstall" in caught.value.hint


def test_a_plug_in_that_exits_is_named(formats, monkeypatch):
    def load(self: EntryPoint) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(EntryPoint, "load", load)
    with pytest.raises(UsageError, match="The plug-in some:where cannot be loaded"):
        formats(broken="some:where").names()


def test_a_plug_in_may_not_take_a_name_that_is_taken(formats):
    found = formats(one=f"{__name__}:Other")
    found.register("one")(One)
    with pytest.raises(UsageError, match="two formats are called 'one'"):
        found.names()


def test_two_classes_may_not_share_a_name():
    found: Registry[BaseModel] = Registry("thing", "tests.reports")
    found.register("one")(One)
    assert found.register("one")(One) is One
    with pytest.raises(ValueError, match="two things are called 'one'"):
        found.register("one")(Other)


def test_an_unknown_name_offers_the_closest(formats):
    found = formats(one=f"{__name__}:One", other=f"{__name__}:Other")
    with pytest.raises(UsageError, match=r"There is no format called 'onne'\. Did you mean 'one'"):
        found.get("onne")


def test_an_entry_is_made_from_its_specification(formats):
    assert formats(one=f"{__name__}:One").build("one:steps=5,path=x").model_dump() == {"steps": 5, "path": "x"}


def test_an_entry_is_described_with_its_parameters(formats):
    text = formats(one=f"{__name__}:One").describe("one")
    assert text.splitlines() == ["The first.", "", "  steps  how many (default 3)", "  path  where (required)"]
