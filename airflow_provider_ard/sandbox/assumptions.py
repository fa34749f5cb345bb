"""What the sandbox assumes where the API's documentation is silent or contradicts itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, TypeVar, get_args, get_type_hints

_Value = TypeVar("_Value", bound=str)


def _assumption(default: _Value, meaning: str) -> _Value:
    assumption: _Value = field(default=default, metadata={"meaning": meaning})
    return assumption


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """The behavior of the sandbox that the API's documentation does not define; values are in `ASSUMPTIONS`.

        with Sandbox(assumptions=Assumptions(success_status="FINISHED", list_order="oldest_first")) as ard: ...

    The sandbox page of the documentation has the reason for each default. Raises ValueError for an unknown value.
    """

    # Requests
    cells_key: Literal["both", "cells", "cell_ids"] = _assumption(
        "both", "names of the cell filter in an order's acquisitions that the API knows"
    )
    unknown_fields: Literal["refused", "ignored"] = _assumption(
        "refused", "an order with unknown fields is a 400, or the fields are ignored"
    )
    select_aoi: Literal["optional", "required"] = _assumption("optional", "a Select by IDs requires an AOI")
    select_query: Literal["optional", "required"] = _assumption("optional", "a Select without IDs requires a query")

    # Orders
    submit_code: Literal["200", "201", "202"] = _assumption("200", "HTTP status of an accepted order")
    submit_response: Literal["id_and_status", "id"] = _assumption(
        "id_and_status", "fields of the response to an accepted order"
    )
    success_status: Literal["SUCCEEDED", "FINISHED"] = _assumption(
        "SUCCEEDED", "status of an order or Select that has succeeded"
    )
    failure_status: Literal["FAILED", "ERROR"] = _assumption("FAILED", "status of an order that has failed")
    metadata: Literal["in_order", "as_strings", "as_floats", "as_decimals", "beside_order", "absent"] = _assumption(
        "in_order",
        "the metadata of an order is in the field order as sent, there with its values as strings, with its integers "
        "(also those in strings) as floating-point numbers, with these as strings, beside that field, or absent",
    )
    output_config: Literal["as_sent", "by_platform"] = _assumption(
        "as_sent", "an S3 location without a platform is returned as sent, or under amazon_s3"
    )
    order_usage: Literal["in_order", "absent"] = _assumption("in_order", "an order contains its usage")
    order_times: Literal["present", "absent"] = _assumption("present", "an order contains the times created, finished")
    order_progress: Literal["present", "absent"] = _assumption(
        "present", "an order contains its progress by acquisition"
    )
    unknown_order: Literal["404", "403", "400"] = _assumption("404", "HTTP status for an unknown order ID")

    # Lists of orders
    list_order: Literal["newest_first", "oldest_first"] = _assumption("newest_first", "sequence of a list of orders")
    list_rows: Literal["complete", "short"] = _assumption(
        "complete", "a list contains complete orders, or only their IDs and statuses"
    )
    start_date: Literal["inclusive", "exclusive"] = _assumption("inclusive", "a list or usage includes its start date")
    end_date: Literal["inclusive", "exclusive"] = _assumption("inclusive", "a list or usage includes its end date")
    list_dates: Literal["times", "dates"] = _assumption(
        "times", "the dates of a list may have a time, or that is a 400"
    )
    filter_match: Literal["equal", "contains"] = _assumption(
        "equal", "a list's filter requires an equal value, or one that contains the filter's"
    )

    # Money
    over_limit: Literal["400", "403", "order_fails"] = _assumption(
        "400", "HTTP status of an order beyond a limit of the account, or it is accepted and fails"
    )
    dry_run_over_limit: Literal["refused", "estimated"] = _assumption(
        "refused", "a dry run beyond a limit is refused as the order is, or estimated"
    )
    failed_order: Literal["free", "billed"] = _assumption("free", "a failed order costs nothing, or its estimate")

    # Delivery
    unwritable_destination: Literal["order_fails", "refused"] = _assumption(
        "order_fails", "an order to an unwritable location fails, or is a 400 as its dry run"
    )
    root_collection_name: Literal["root_collection", "collection"] = _assumption(
        "root_collection", "end of the file name of an order's root collection, after its ID"
    )
    root_collection_type: Literal["absent", "present"] = _assumption(
        "absent", 'the root collection has "type": "Collection" and STAC version 1.0.0, or no type and 0.8.1'
    )
    notifications: Literal["at_end", "at_start_and_end"] = _assumption("at_end", "when an order notifies its targets")

    # Other resources
    stack_depth_summary: Literal["by_depth", "absent"] = _assumption(
        "by_depth", "a Select has the number of cells by stack depth"
    )
    stored_credentials: Literal["json_then_204", "json", "204"] = _assumption(
        "json_then_204", "response to storing credentials: JSON for new and 204 for replaced ones, or one for both"
    )

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown value."""
        for name, values in ASSUMPTIONS.items():
            value = getattr(self, name)
            if value not in values:
                raise ValueError(f"{name}: expected {' or '.join(values)}, got {value!r}")

    def status(self, status: str) -> str:
        """Return the name that the API has for a status of the sandbox."""
        names: Mapping[str, str] = {"SUCCEEDED": self.success_status, "FAILED": self.failure_status}
        return names.get(status, status)


# The values of each assumption, the default first.
ASSUMPTIONS: Mapping[str, tuple[str, ...]] = {
    name: get_args(hint) for name, hint in get_type_hints(Assumptions).items()
}


def describe_assumptions() -> str:
    """Return the assumptions as text: name, values with the default first, meaning."""
    lines = []
    for item in fields(Assumptions):
        lines += [f"{item.name}: {', '.join(ASSUMPTIONS[item.name])}", f"    {item.metadata['meaning']}"]
    return "\n".join(lines)


def parse_assumptions(texts: tuple[str, ...]) -> Assumptions:
    """Return the assumptions of texts such as `success_status=FINISHED`; raises ValueError."""
    values = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name not in ASSUMPTIONS:
            raise ValueError(f"assume: expected NAME=VALUE with a name of {', '.join(ASSUMPTIONS)}, got {text!r}")
        values[name] = value
    return Assumptions(**values)  # type: ignore[arg-type]
