"""Arguments are serialized the same at each parse of a DAG file, so that no new DAG version is created."""

from __future__ import annotations

import json

import geopandas
import pytest
import shapely
from airflow.serialization import serialized_objects
from maxar_ard_grid import Cell

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.geo.aoi import parse_aoi
from airflow_provider_ard.api.orders.acquisitions import parse_acquisitions
from airflow_provider_ard.operators.order import ArdOrderOperator
from airflow_provider_ard.operators.select import ArdSelectOperator
from airflow_provider_ard.operators.tiles import ArdListTilesOperator
from tests.airflow_names import DAG

A, B = "10300100B2B49700", "104001009F982A00"
BOX = shapely.box(-105.2, 40.1, -105.1, 40.2)
# The class has this name since Airflow 3.2.
SERIALIZER = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)


class Field:
    """An object with `__geo_interface__` and the default `repr`, which contains its address."""

    def __init__(self, box=BOX):
        self.__geo_interface__ = shapely.geometry.mapping(box)


class Broken:
    @property
    def __geo_interface__(self):
        raise KeyError("geometry")


AOIS = {
    "object": Field,
    "list of objects": lambda: [Field(), Field(shapely.box(-104, 40, -103.9, 40.1))],
    "generator": lambda: (box for box in [BOX]),
    "generator of objects": lambda: (Field() for _ in range(2)),
    "shapely": lambda: shapely.box(*BOX.bounds),
    "GeoDataFrame": lambda: geopandas.GeoDataFrame({"n": [1]}, geometry=[BOX], crs=4326).to_crs(32613),
    "grid cell": lambda: Cell("031133320203", zone=13),
}
ACQUISITIONS = {
    "generator": lambda: (name for name in (A, B)),
    "map": lambda: map(str, [A, B]),
    "dictionary view": lambda: dict.fromkeys([A, B]).keys(),
    "nested generator": lambda: [A, (name for name in [B])],
}


def by_constructor(operator, arguments):
    operator(task_id="t", **arguments)


def by_partial(operator, arguments):
    operator.partial(task_id="t", **arguments).expand(ard_conn_id=["a", "b"])


def by_expand(operator, arguments):
    (name, value), *rest = arguments.items()
    operator.partial(task_id="t", **dict(rest)).expand(**{name: [value]})


def by_expand_kwargs(operator, arguments):
    operator.partial(task_id="t").expand_kwargs([arguments])


ROUTES = [by_constructor, by_partial, by_expand, by_expand_kwargs]


def stored(route, operator, arguments):
    with DAG("d", schedule=None) as dag:
        route(operator, arguments)
    return json.dumps(SERIALIZER.to_dict(dag), sort_keys=True)


def check_stable(route, operator, name, make, others=None):
    # Both values exist at the same time, so that their addresses differ.
    first, second = make(), make()
    texts = [stored(route, operator, {name: value, **(others or {})}) for value in (first, second)]
    assert texts[0] == texts[1]
    assert " at 0x" not in texts[0]


@pytest.mark.filterwarnings("ignore:The .shapely.ops.transform:DeprecationWarning")  # in maxar-ard-grid
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("form", AOIS)
def test_aoi_is_serialized_the_same_at_each_parse(form, route):
    check_stable(route, ArdSelectOperator, "intersects", AOIS[form])
    check_stable(route, ArdOrderOperator, "intersects", AOIS[form], {"acquisitions": A, "destination": "s3://b/p"})
    with DAG("d", schedule=None):
        task = ArdSelectOperator(task_id="t", intersects=AOIS[form]())
    assert parse_aoi(task.intersects).wkt == parse_aoi(AOIS[form]()).wkt


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("form", ACQUISITIONS)
def test_list_is_serialized_the_same_at_each_parse(form, route):
    check_stable(route, ArdOrderOperator, "acquisitions", ACQUISITIONS[form], {"destination": "s3://b/p"})
    check_stable(route, ArdSelectOperator, "ids", ACQUISITIONS[form])
    check_stable(route, ArdListTilesOperator, "acquisitions", ACQUISITIONS[form], {"order_id": "1"})
    task = ArdOrderOperator(task_id="t", acquisitions=ACQUISITIONS[form](), destination="s3://b/p")
    assert [acquisition.id for acquisition in parse_acquisitions(task.acquisitions)] == [A, B]


def test_failing_generator_raises_in_the_dag_file():
    def failing():
        yield A
        raise OSError("the list ends early")

    with pytest.raises(ArdRequestError, match="OSError") as caught:
        ArdOrderOperator(task_id="t", acquisitions=failing(), destination="s3://b/p")
    assert caught.value.argument == "acquisitions"


def test_failing_geo_interface_is_rejected_when_parsed():
    task = ArdSelectOperator(task_id="t", intersects=Broken())
    with pytest.raises(ArdRequestError, match="KeyError"):
        parse_aoi(task.intersects)
