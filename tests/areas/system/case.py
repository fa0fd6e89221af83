"""The case of the system area: the audit log, the rate limit and price quotes."""

from tests.factories import unique
from tests.parity.access.table import AUDITORS_ONLY, PUBLIC, Place
from tests.parity.case import AreaCase, CaseContext, EntityCase, ReadCase, ResultCase, Sample


async def sample(context: CaseContext) -> Sample:
    """Take the entry about a category that was just created."""
    category = (await context.create("/categories", {"name": "Audited", "slug": unique("audited")}))["id"]
    [entry] = (await context.read("/audit", subject=category))["data"]
    return Sample(
        keys=[entry["id"]],
        shown={
            "audit_list": Place(seeks=entry["id"], filter=("subject", category)),
            "audit_get": Place(entry["id"], entry["id"]),
        },
    )


async def many_rows(context: CaseContext) -> str:
    """Return an entry: the changes that created the rows of other resources left more than 100."""
    return (await context.read("/audit", limit="1", fields="id"))["data"][0]["id"]


CASE = AreaCase(
    entities=(
        EntityCase(
            name="AuditEntry",
            plural="audit",
            sample=sample,
            many_rows=many_rows,
            not_drawn="every other test adds entries, so two reads of the list differ",
            reads=(
                ReadCase("audit_list", AUDITORS_ONLY, {"id,subject,data": 1}),
                ReadCase("audit_get", AUDITORS_ONLY, {"type,data": 1}),
            ),
        ),
    ),
    results=(
        ResultCase(
            name="RateLimit",
            reads=(ReadCase("rate_limit", PUBLIC, {"remaining": 0}, path="/rate-limit"),),
        ),
        ResultCase(
            name="PriceQuote",
            reads=(ReadCase("price", PUBLIC, {"points": 0}, path="/price", body={"url": "/v1/products"}),),
        ),
    ),
)
