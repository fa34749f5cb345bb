"""Print this package's payloads of `order_cases.py` as JSON; the argument is the folder of their files.

`test_parity.py` runs it with the project's Python.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from order_cases import DIFFERENCES, canonical, cases, with_defaults

from airflow_provider_ard.api.errors import ArdRequestError
from airflow_provider_ard.api.orders.request import OrderRequest


def provider_payload(arguments: dict[str, Any]) -> str:
    """Return the payload, or the argument in the error."""
    arguments = dict(arguments)
    if "emails" in arguments:
        arguments["email_notifications"] = arguments.pop("emails")
    if "topics" in arguments:
        arguments["sns_notifications"] = arguments.pop("topics")
    try:
        return canonical(json.dumps(OrderRequest.of(**arguments).to_payload()))
    except ArdRequestError as error:
        return json.dumps(error.argument)


def main() -> None:
    folder = Path(sys.argv[1])
    combinations = cases(folder, lambda response: response)
    combinations |= {name: arguments for name, (_, arguments, _, _) in DIFFERENCES.items()}
    payloads = {name: provider_payload(with_defaults(arguments, folder)) for name, arguments in combinations.items()}
    sys.stdout.write(json.dumps(payloads))


if __name__ == "__main__":
    main()
