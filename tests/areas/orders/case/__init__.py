"""Orders, described to the general tests."""

from dataclasses import replace

from tests.areas.accounts.case.acknowledgements import ACKNOWLEDGEMENT
from tests.parity.access.table import PUBLIC
from tests.parity.case import AreaCase, Fault, WriteCase

from .events import ORDER_EVENT
from .fulfilments import FULFILMENT, FULFILMENT_LINE
from .lines import ORDER_LINE
from .orders import ORDER
from .returns import RETURN, RETURN_LINE

ORDER_ACCESS = WriteCase(
    "order_access",
    PUBLIC,
    role="anonymous",
    path="/orders/access",
    bodies=(lambda c: {"number": "1001", "email": f"access-{c.mark}@shop.example"},),
    faults=(
        Fault({"number": "", "email": "k"}, ("/email", "/number")),
        Fault({"number": "1001", "email": "x" * 255}, ("/email",)),
    ),
)

CASE = AreaCase(
    entities=(ORDER, ORDER_LINE, ORDER_EVENT, FULFILMENT, FULFILMENT_LINE, RETURN, RETURN_LINE),
    results=(replace(ACKNOWLEDGEMENT, writes=(*ACKNOWLEDGEMENT.writes, ORDER_ACCESS)),),
)
