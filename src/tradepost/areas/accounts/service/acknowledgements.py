"""The two acknowledgements that commands respond with."""

from ..schemas import Acknowledgement, AcknowledgementStatus

ACCEPTED = Acknowledgement(AcknowledgementStatus.ACCEPTED)
DONE = Acknowledgement(AcknowledgementStatus.DONE)
