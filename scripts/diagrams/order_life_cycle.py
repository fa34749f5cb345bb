"""How an order stays single: the states of a task instance and its order."""

from __future__ import annotations

from drawing import Drawing

MAIN, SIDE = 178, 418
MAIN_WIDTH, SIDE_WIDTH = 222, 190


def order_life_cycle() -> Drawing:
    """Draw the states; the outcomes on the right buy nothing."""
    drawing = Drawing(
        520,
        792,
        "How an order stays single",
        "A task validates its arguments, searches the list of orders, checks the price, records the intent and sends "
        "one POST. A lost response leads to a search, never to another POST.",
    )
    validate = drawing.box(MAIN, 34, MAIN_WIDTH, "Arguments are validated")
    search = drawing.box(MAIN, 164, MAIN_WIDTH, "The list of orders is searched\nfor the idempotency key")
    price = drawing.box(MAIN, 324, MAIN_WIDTH, "Price and budgets are checked,\nif there is a limit")
    record = drawing.box(MAIN, 398, MAIN_WIDTH, "The intent is recorded")
    post = drawing.box(MAIN, 470, MAIN_WIDTH, "One POST")
    doubt = drawing.box(MAIN, 566, MAIN_WIDTH, "In doubt: the list is searched,\nnothing is sent again", "doubt")
    placed = drawing.box(MAIN, 674, MAIN_WIDTH, "Placed: the order runs", "good")
    succeeded = drawing.box(103, 758, 150, "SUCCEEDED", "good")
    failed = drawing.box(273, 758, 150, "FAILED", "stop")

    invalid = drawing.box(SIDE, 34, SIDE_WIDTH, "invalid:\nArdRequestError", "stop")
    no_proof = drawing.box(SIDE, 106, SIDE_WIDTH, "no proof:\nArdUnavailableError", "doubt")
    conflict = drawing.box(SIDE, 170, SIDE_WIDTH, "order of another request:\nArdOrderConflict", "stop")
    attached = drawing.box(SIDE, 234, SIDE_WIDTH, "order of the same request:\nre-attached", "good")
    above = drawing.box(SIDE, 324, SIDE_WIDTH, "above a limit:\nArdBudgetExceeded", "stop")
    refused = drawing.box(SIDE, 470, SIDE_WIDTH, "rejected or unsent:\nnothing is bought", "stop")
    in_doubt = drawing.box(SIDE, 566, SIDE_WIDTH, "not found:\nArdOrderInDoubtError", "doubt")

    branch = MAIN + MAIN_WIDTH / 2 + 17
    drawing.arrow(validate.bottom, search.top)
    drawing.arrow(validate.right, invalid.left)
    for outcome in (no_proof, conflict, attached):
        drawing.arrow((search.right[0], 170), (branch, 170), (branch, outcome.y), outcome.left)
    drawing.arrow(search.bottom, price.top)
    drawing.arrow(price.right, above.left)
    drawing.arrow(price.bottom, record.top)
    drawing.arrow(record.bottom, post.top)
    drawing.arrow(post.right, refused.left)
    drawing.arrow(post.bottom, doubt.top)
    drawing.arrow(post.left, (44, post.y), (44, placed.y), placed.left)
    drawing.arrow(doubt.right, in_doubt.left)
    drawing.arrow(doubt.bottom, placed.top)
    drawing.arrow((103, placed.bottom[1]), succeeded.top)
    drawing.arrow((253, placed.bottom[1]), (253, failed.top[1]))
    # A retry starts with the search.
    drawing.arrow(in_doubt.bottom, (SIDE, 624), (16, 624), (16, search.y), search.left, dashed=True)

    drawing.note(MAIN + 8, 262, "no order,\nor a failed one")
    drawing.note(MAIN + 8, 522, "response lost")
    drawing.note(50, 518, "order ID")
    drawing.note(MAIN + 8, 614, "found")
    drawing.note(SIDE - 8, 640, "a retry searches again", "middle")
    return drawing
