"""What can go wrong, as a tree.

RelayError
├── ConfigurationError     the start stops: says the file, the key and what is expected
├── SourceError            a request could not be taken as its source's
│   ├── SignatureRefused   the sender did not prove who it is
│   ├── Unreadable         the body is not what its content type says
│   └── UnreadableType     nobody here reads this content type
├── Rejected               a request is answered with an error and nothing is kept
│   ├── BodyTooLarge
│   ├── BodyIncomplete
│   ├── TwoLengths
│   ├── OriginNotAllowed
│   ├── TooManyRequests
│   ├── NotFound           there is nothing of that id
│   ├── NotEntered         nobody has logged in
│   ├── NotAllowed         the operator's role, or the token's scope, is not enough
│   ├── CrossSite          another website had the browser send it
│   ├── TooManyFollow      as many are kept up to date as may be
│   └── StoreUnavailable   the outbox could not commit: the sender must try again
│       └── StoreUnreadable    it could not even be read
├── ActRefused             a person's act that may not be done to this lead
└── DestinationError       AgencyHandy did not tell which company and role to use
    ├── Unreachable        no answer, or one that says "later"
    ├── AccessRefused      the key, the company or the address is wrong
    └── Ambiguous          the key has several companies
"""


class RelayError(Exception):
    """Any error of Lead Relay's own."""


class ConfigurationError(RelayError):
    """The configuration is wrong; the message says where and what is expected."""


class SourceError(RelayError):
    """A request could not be taken as its source's; its bytes are kept all the same."""


class SignatureRefused(SourceError):
    """The signature, token or password is missing or wrong."""


class Unreadable(SourceError):
    """The body is not what its content type says."""


class UnreadableType(SourceError):
    """The content type is not one that a form or hook can carry."""


class Rejected(RelayError):
    """The request is refused and nothing of it is kept: `status` is its HTTP status, `retry_after` seconds.

    `title` and `told` are what a visitor reads, English texts of the catalogues. `closes`: nothing more
    is read from its connection.
    """

    status = 400
    title = "Not understood"
    told = "Nothing was sent."
    closes = False
    retry_after: int | None = None


class BodyTooLarge(Rejected):
    """The body is larger than MAX_BODY_BYTES."""

    status = 413
    title = "Too large"
    told = "Your message is too large. Nothing was sent."


class BodyIncomplete(Rejected):
    """The sender went away, or stalled, before the body was through."""

    status = 408
    title = "Incomplete"
    told = "Your message did not arrive as a whole. Nothing was sent; please send it again."
    closes = True


class TwoLengths(Rejected):
    """Two headers say where the body ends. A proxy may have believed the other one."""

    closes = True


class OriginNotAllowed(Rejected):
    """The page that posted is not among the form's `allowed_origins`."""

    status = 403
    title = "Not accepted"
    told = "This form does not take messages from that website. Nothing was sent."


class TooManyRequests(Rejected):
    """More requests than this endpoint takes from one address, or of all; there is room again in `retry_after`."""

    status = 429
    title = "Too many messages"
    told = (
        "There were too many messages from your connection. Nothing was sent; please wait a minute, and send it again."
    )

    def __init__(self, words: str, retry_after: int) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class Declined(Rejected):
    """What operators and programs are told, in English alone; a visitor never is."""


class NotFound(Declined):
    """There is nothing of that id."""

    status = 404
    title = "Not found"


class NotEntered(Declined):
    """Nobody has logged in, or the session is over."""

    status = 401
    title = "Not logged in"


class NotAllowed(Declined):
    """The operator's role, or the token's scope, is not enough for this."""

    status = 403
    title = "Not allowed"


class CrossSite(Declined):
    """What would have changed something did not come from the desk's own pages."""

    status = 403
    title = "Not from here"


class TooManyFollow(Declined):
    """As many pages and programs are kept up to date as one process does."""

    status = 503
    title = "Not kept up to date"
    told = "Reload the page to see what is new."
    retry_after = 30


class StoreUnavailable(Rejected):
    """The store could not commit, so nothing was accepted: try again shortly."""

    status = 503
    title = "Not stored"
    told = "Your message could not be stored just now. Nothing was sent; please send it again in a moment."
    retry_after = 5


class StoreUnreadable(StoreUnavailable):
    """The store could not be read: try again shortly."""

    title = "Not available"


class ActRefused(RelayError):
    """This may not be done to this lead; the message says why."""


class DestinationError(RelayError):
    """AgencyHandy did not tell which company and client role to use."""


class Unreachable(DestinationError):
    """No usable answer from AgencyHandy: try again later."""


class AccessRefused(DestinationError):
    """AgencyHandy refused the key, the company or the address."""


class Ambiguous(DestinationError):
    """A person must choose among several companies."""
