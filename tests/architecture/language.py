"""The words and phrases that texts for users must not contain, and why."""

import re
from collections.abc import Iterator

METAPHORS = (
    "house",
    "houses",
    "room",
    "rooms",
    "porch",
    "hinge",
    "letterbox",
    "chore",
    "chores",
    "shelf",
    "stranger",
    "strangers",
)
"""Only "door" is allowed: REST and GraphQL are the two doors."""

DIALECT = (
    r"anew",
    r"besides",
    r"whoever",
    r"whosoever",
    r"nobody",
    r"somebody",
    r"the own",
    r"an own",
    r"is none",
    r"are none",
    r"is no [a-z]",
    r"are no [a-z]",
    r"another one",
    r"deaf",
    r"hears?",
    r"untold",
    r"tells?",
    r"told",
    r"owes?",
    r"asks? for nothing",
    r"letters? (?:is|are|goes|go|was|were|that|with|to)",
    r"in the midst",
    r"as well as it",
    r"what came of it",
    r"become of",
    r"became of",
    r"such as has",
)

FORBIDDEN = re.compile(rf"\b(?:{'|'.join((*METAPHORS, *DIALECT))})\b", re.IGNORECASE)
PRONOUN_SUBJECT = re.compile(r"(?:^|(?<=[.;:] ))(?:What|Who|Whose|Whichever) [^.?]*(?:\.|$)(?!\?)")
"""A sentence that begins with a pronoun and is not a question."""
WRONG_ARTICLE = re.compile(r"\b[Aa] (?!one\b|once\b|uni|Uni|use|usual|URL|UUID|URI|UTC|UTF|eu)[aeiouAEIOU]\w*")


def faults(text: str) -> Iterator[str]:
    """Yield each phrase of a text that breaks a rule."""
    for pattern in (FORBIDDEN, PRONOUN_SUBJECT, WRONG_ARTICLE):
        for match in pattern.finditer(text):
            yield match[0]
