"""What passes through XCom, and what through the bucket."""

from __future__ import annotations

from drawing import Drawing

TASK, OUTSIDE = 130, 424


def data_flow() -> Drawing:
    """Draw the tasks of a pipeline from top to bottom, with the ARD API and the bucket beside them."""
    drawing = Drawing(
        516,
        494,
        "Data flow",
        "Tasks pass IDs and URIs through XCom. The ARD API delivers to the bucket, from which mapped tasks read.",
    )
    select = drawing.box(TASK, 42, 216, "ArdSelectOperator\nsearches for imagery")
    order = drawing.box(TASK, 144, 216, "ArdOrderOperator\nplaces the order")
    wait = drawing.box(TASK, 246, 216, "ArdOrderSensor\nwaits, deferred")
    tiles = drawing.box(TASK, 348, 216, "ArdListTilesOperator\nlists the delivered tiles")
    ingest = drawing.box(TASK, 450, 216, "your tasks, one per tile\nread the imagery", "good")
    api = drawing.box(OUTSIDE, 144, 160, "ARD API", "outside")
    bucket = drawing.box(OUTSIDE, 400, 160, "Bucket", "outside")

    drawing.arrow(select.bottom, order.top)
    drawing.arrow(order.bottom, wait.top)
    drawing.arrow(wait.bottom, tiles.top)
    drawing.arrow(tiles.bottom, ingest.top)
    drawing.arrow(select.right, (OUTSIDE - 30, select.y), (OUTSIDE - 30, api.top[1]))
    drawing.arrow(order.right, api.left)
    drawing.arrow(wait.right, (OUTSIDE - 30, wait.y), (OUTSIDE - 30, api.bottom[1]))
    drawing.arrow((OUTSIDE + 30, api.bottom[1]), (OUTSIDE + 30, bucket.top[1]))
    drawing.arrow((bucket.left[0], 392), (300, 392), (300, tiles.y), tiles.right)
    drawing.arrow((bucket.left[0], 408), (300, 408), (300, ingest.y), ingest.right)

    drawing.note(TASK + 6, 96, "Select ID, or acquisitions")
    drawing.note(TASK + 6, 198, "order ID")
    drawing.note(TASK + 6, 300, "order ID, status, URIs")
    drawing.note(TASK + 6, 402, "URIs of each tile")
    drawing.note(OUTSIDE - 36, 36, "search", "end")
    drawing.note(290, 137, "POST", "middle")
    drawing.note(OUTSIDE - 36, 240, "poll", "end")
    drawing.note(OUTSIDE + 30, 300, "GeoTIFFs,\nSTAC", "middle")
    drawing.note(320, 340, "STAC items", "middle")
    drawing.note(320, 468, "pixels", "middle")
    return drawing
