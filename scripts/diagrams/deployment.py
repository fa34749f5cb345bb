"""Which components of Airflow talk to the ARD API and to the storage."""

from __future__ import annotations

from drawing import Drawing


def deployment() -> Drawing:
    """Draw Airflow's components, the ARD API and the bucket, with what passes between them."""
    drawing = Drawing(
        520,
        492,
        "Deployment",
        "Workers place orders and list tiles, triggerers poll for all waits, the API server shows the page. Only the "
        "ARD API writes to the bucket.",
    )
    drawing.group(8, 8, 332, 476, "Airflow")
    scheduler = drawing.box(252, 54, 148, "Scheduler,\nDAG processor")
    workers = drawing.box(252, 166, 148, "Workers:\norder, first poll,\nlist tiles, ingest")
    triggerers = drawing.box(252, 292, 148, "Triggerers:\none poller for\nall waits")
    server = drawing.box(252, 416, 148, "API server:\nConnection form,\npage ARD orders")
    connections = drawing.box(84, 292, 128, "Connections:\nsecrets backend\nor database")
    bucket = drawing.box(456, 92, 112, "Bucket: S3,\nGoogle, Azure", "outside")
    api = drawing.box(456, 292, 112, "ARD API", "outside")

    drawing.arrow(scheduler.bottom, workers.top)
    drawing.arrow(workers.bottom, triggerers.top)
    drawing.arrow(workers.left, (84, workers.y), connections.top)
    drawing.arrow(triggerers.left, connections.right)
    drawing.arrow(server.left, (84, server.y), connections.bottom)
    drawing.arrow((326, 150), (424, 150), (424, bucket.bottom[1]))
    drawing.arrow((326, 182), (424, 182), (424, api.top[1]))
    drawing.arrow(triggerers.right, api.left)
    drawing.arrow(server.right, (456, server.y), api.bottom)
    drawing.arrow((488, api.top[1]), (488, bucket.bottom[1]))

    drawing.note(260, 104, "run tasks")
    drawing.note(260, 230, "defer")
    drawing.note(92, 158, "login")
    drawing.note(344, 143, "read tiles")
    drawing.note(344, 200, "one POST\nper order")
    drawing.note(488, 232, "deliver", "middle")
    drawing.note(356, 284, "poll")
    drawing.note(344, 408, "list of orders")
    return drawing
