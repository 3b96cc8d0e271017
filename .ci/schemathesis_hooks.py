"""A request line has 64 KiB: hyper answers a longer one itself, with a bare 414, before we see it."""

from urllib.parse import quote, urlencode

import schemathesis

URL_BYTES_MAX = 60_000


@schemathesis.hook
def filter_case(context, case):
    query = urlencode({name: str(value) for name, value in (case.query or {}).items()})
    path = "".join(quote(str(value)) for value in (case.path_parameters or {}).values())
    return len(query) + len(path) < URL_BYTES_MAX
