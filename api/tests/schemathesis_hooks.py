"""What schemathesis does besides, for a walk that gets further: see CONTRIBUTING.md.

Ids are mostly those of the first things that there are, and never that of the first person, as whom the walk is made:
it would lock itself out.
"""

import json
import urllib.request

import schemathesis

N_THINGS = 12
EVENTS = {"prospects": [], "orders": []}


def events(case, kind):
    """The ids of some events, read once."""
    if not EVENTS[kind]:
        request = urllib.request.Request(
            f"{case.operation.base_url.rstrip('/')}/api/{kind}/list/?limit=5",
            headers={"authorization": case.headers["authorization"]},
        )
        with urllib.request.urlopen(request) as answer:
            EVENTS[kind] = [event["id"] for event in json.load(answer)] or ["none"]
    return EVENTS[kind]


@schemathesis.hook
def before_call(context, case, kwargs):
    path, parameters = case.operation.path, case.path_parameters
    if not parameters or "id" not in parameters:
        return
    number = abs(hash(str(parameters["id"])))
    if number % 4 == 0 and "/users/" not in path:
        return
    kind = path.split("/")[2]
    if kind in EVENTS:
        ids = events(case, kind)
        parameters["id"] = ids[number % len(ids)]
    else:
        first = 2 if kind == "users" else 1
        parameters["id"] = first + number % N_THINGS
