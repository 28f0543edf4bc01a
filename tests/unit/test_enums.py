"""Enums of values that no kind holds: written by name, and known by name where only pydantic reads them."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from docarray import BaseDocument, DocumentArray, DocumentArrayStacked
from docarray.errors import ValidationError


class Planet(enum.Enum):
    EARTH = (5.97e24, 6378)
    NONE = None
    MARS = 'red'


class Colour(enum.Enum):
    RED = 'r'


class World(BaseDocument):
    planet: Planet
    more: list[Planet] | None = None


class System(BaseDocument):
    by_name: dict[str, World] = {}
    lists: dict[str, list[World]] | None = None


@pytest.mark.parametrize('array_class', [DocumentArray, DocumentArrayStacked])
def test_documents_in_dicts_keep_them(array_class: Any) -> None:
    pytest.importorskip('google.protobuf')
    world = World(planet=Planet.EARTH, more=[Planet.NONE, Planet.MARS])
    array = array_class[System]([System(by_name={'a': world}, lists={'b': [world]}), System()])
    again = array_class[System].from_bytes(array.to_bytes())
    assert again[0].by_name == {'a': world}
    assert again[0].lists == {'b': [world]}
    assert again[1].by_name == {}


def test_their_names_are_taken_beside_their_values() -> None:
    assert World(planet='EARTH', more=['NONE', 'red']) == World(
        id=None, planet=Planet.EARTH, more=[Planet.NONE, Planet.MARS]
    )
    with pytest.raises(ValidationError, match='planet'):
        World(planet='VENUS')


def test_names_of_other_enums_are_not() -> None:
    class Paint(BaseDocument):
        colour: Colour

    assert Paint(colour='r').colour is Colour.RED
    with pytest.raises(ValidationError, match='colour'):
        Paint(colour='RED')


def test_a_class_that_holds_itself_takes_them() -> None:
    class Tree(BaseDocument):
        planet: Planet
        parts: list[Tree] = []

    tree = Tree(planet='EARTH', parts=[{'planet': 'MARS'}])
    assert tree.parts[0].planet is Planet.MARS


def test_json_schema_and_json_are_those_of_the_values() -> None:
    assert '"planet":"red"' in World(planet='MARS').to_json()
    assert World.model_json_schema()['$defs']['Planet']['enum'] == [[5.97e24, 6378], None, 'red']
