"""The problems of payments that no other area raises."""

from tradepost.kit.problems import Problem


class InvalidWebhookSignature(Problem):
    """A webhook was not signed by its sender, or too long ago. Nothing was stored."""

    code, status, title = "invalid_signature", 400, "Invalid signature"
    cure = (
        "Check that the secret of the webhook endpoint at the payment provider is that of this server's settings, "
        "and that the clocks of both agree."
    )
    example = {"detail": "The webhook is not signed with STRIPE_WEBHOOK_SECRET."}
