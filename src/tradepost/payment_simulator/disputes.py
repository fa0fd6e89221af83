"""Disputes (chargebacks): https://docs.stripe.com/disputes/how-disputes-work."""

from .cards import restore
from .errors import invalid, missing
from .ledger import Ledger
from .objects import INQUIRY, new_dispute
from .store import Object

CLOSED = ("won", "lost", "warning_closed")


def open_if_test_card(tx: Ledger, charge: Object) -> None:
    """Dispute a payment with the test card for it, some seconds later."""
    if restore(charge["_token"]).disputed:
        tx.schedule("dispute", charge["id"], tx.settle_seconds)


def open_dispute(
    tx: Ledger,
    charge_id: str,
    *,
    amount: int | None = None,
    reason: str = "fraudulent",
    status: str = "needs_response",
) -> Object:
    """Dispute a captured charge. Unless it is an inquiry (`warning_*`), the money is withdrawn."""
    charge = tx.find(charge_id, "charge")
    if charge is None:
        raise missing("charge", charge_id, "charge")
    if not charge["captured"] or charge["disputed"]:
        raise invalid("Only a captured charge that has not been disputed can be disputed.")
    dispute = new_dispute(tx, charge, charge["amount_captured"] if amount is None else amount, reason, status)
    tx.insert(dispute)
    tx.save(charge | {"disputed": True, "_dispute": dispute["id"]})
    tx.emit("charge.dispute.created", dispute)
    if status not in INQUIRY:
        _book(tx, dispute, -dispute["amount"])
        tx.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def respond(tx: Ledger, dispute_id: str) -> Object:
    """Submit evidence: the dispute is under review."""
    dispute = find_dispute(tx, dispute_id)
    if dispute["status"] in CLOSED:
        raise invalid(f"A dispute with the status {dispute['status']} takes no evidence.")
    dispute["status"] = "warning_under_review" if dispute["status"] in INQUIRY else "under_review"
    dispute["evidence_details"] |= {"has_evidence": True, "submission_count": 1}
    tx.save(dispute)
    tx.emit("charge.dispute.updated", dispute)
    return dispute


def close(tx: Ledger, dispute_id: str, status: str) -> Object:
    """End a dispute as `won` or `lost`, an inquiry as `warning_closed`."""
    dispute = find_dispute(tx, dispute_id)
    outcomes = ("warning_closed",) if dispute["status"] in INQUIRY else ("won", "lost")
    if dispute["status"] in CLOSED or status not in outcomes:
        raise invalid(f"A dispute with the status {dispute['status']} cannot become {status}.")
    dispute |= {"status": status, "is_charge_refundable": status != "lost"}
    tx.save(dispute)
    if status == "won":
        _book(tx, dispute, dispute["amount"])
        tx.emit("charge.dispute.funds_reinstated", dispute)
    tx.emit("charge.dispute.closed", dispute)
    return dispute


def find_dispute(tx: Ledger, dispute_id: str) -> Object:
    """Return a dispute, or raise the error that there is none."""
    dispute = tx.find(dispute_id, "dispute")
    if dispute is None:
        raise missing("dispute", dispute_id, "dispute")
    return dispute


def _book(tx: Ledger, dispute: Object, amount: int) -> None:
    entry = tx.find(tx.book(dispute, amount, "adjustment"))
    dispute["balance_transactions"].append(entry)
    tx.save(dispute)
