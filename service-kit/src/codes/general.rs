//! What can be wrong with any request.

use super::{Code, LATER, LOG_IN, SAME, STATE, code};

/// In alphabetical order.
pub(super) const CODES: &[Code] = &[
    code(
        "bad-cursor",
        "Bad cursor",
        "A cursor comes from the `next` of a page and fits only the list it came from.",
        SAME,
    ),
    code(
        "bad-header",
        "Bad header",
        "A header has a value that cannot be understood; `detail` names it.",
        SAME,
    ),
    code(
        "body-incomplete",
        "Body not received",
        "The connection ended before the whole body had arrived.",
        "Try again.",
    ),
    code(
        "body-too-large",
        "Body too large",
        "A request body has at most 1 MiB, a file at most 64 MiB.",
        SAME,
    ),
    code("busy", "Busy", "More commands are waiting than the log takes at the moment.", LATER),
    code(
        "erased",
        "Person erased",
        "The person this is about has been erased; nothing more is written about them.",
        SAME,
    ),
    code(
        "forbidden",
        "Not allowed",
        "The caller is known but has none of the roles that may do this. The denial is recorded.",
        "Ask an operator for the role.",
    ),
    code("full", "Full", "Every place is taken.", STATE),
    code(
        "idempotency-key-in-progress",
        "Still running",
        "The first request with this Idempotency-Key has not finished.",
        "Try again with the same key to get its answer.",
    ),
    code(
        "idempotency-key-invalid",
        "Bad Idempotency-Key",
        "A key has 1 to 255 printable characters; without an account it must be a UUID.",
        SAME,
    ),
    code(
        "idempotency-key-required",
        "Idempotency-Key required",
        "This server asks for an Idempotency-Key on every POST.",
        "Try again with a key.",
    ),
    code(
        "idempotency-key-reused",
        "Idempotency-Key reused",
        "This key was used before, for another request.",
        "Use a new key for a new request.",
    ),
    code(
        "internal",
        "Internal error",
        "Something failed on our side. It is logged under the `trace_id`.",
        "Nothing is stored for the Idempotency-Key: try again with the same one.",
    ),
    code(
        "invalid",
        "Invalid input",
        "The request was understood, but a field is unknown, missing, of the wrong type or has a \
         wrong value. `errors` points at each.",
        SAME,
    ),
    code(
        "log-in-required",
        "Log in",
        "API keys may not do this: it takes a token of a log-in.",
        LOG_IN,
    ),
    code(
        "malformed",
        "Malformed request",
        "The request cannot be read, such as JSON that breaks off.",
        SAME,
    ),
    code(
        "method-not-allowed",
        "Method not allowed",
        "This path exists, but not for this method. `Allow` lists what it has.",
        SAME,
    ),
    code("not-found", "Not found", "There is nothing at this path.", SAME),
    code(
        "outcome-unknown",
        "Outcome unknown",
        "The database went away while the command was being stored: it may have happened.",
        "Ask again with the same Idempotency-Key: the answer says what happened.",
    ),
    code(
        "precondition-failed",
        "Version mismatch",
        "If-Match names another version than the current one, which `current` tells.",
        "Read the thing again, then decide.",
    ),
    code(
        "projection-behind",
        "Projection behind",
        "The read model has not yet seen the position of the Consistency-Token. \
         `lag_events` tells how far it is behind.",
        "Try again after the seconds in Retry-After, or without the token for an older answer.",
    ),
    code(
        "range-not-satisfiable",
        "Nothing in this range",
        "The file ends before the range that was asked for.",
        SAME,
    ),
    code(
        "rate-limited",
        "Too many requests",
        "More requests than the policy in RateLimit-Policy allows.",
        LATER,
    ),
    code("request-timeout", "Request too slow", "The body did not arrive in time.", "Try again."),
    code(
        "scope-missing",
        "Scope missing",
        "The API key has not the scope that this needs: `read` to ask, `write` to change.",
        SAME,
    ),
    code(
        "shutting-down",
        "Shutting down",
        "This process is ending; another one takes over.",
        LATER,
    ),
    code("taken", "Taken", "Somebody else has what may exist only once.", SAME),
    code(
        "token-invalid",
        "Bad token",
        "The access token is not one of ours, has expired, or has been revoked.",
        LOG_IN,
    ),
    code("token-required", "Token required", "Only a logged-in account may do this.", LOG_IN),
    code(
        "unavailable",
        "Unavailable",
        "A service that this needs cannot be reached at the moment.",
        LATER,
    ),
    code(
        "unsupported-media-type",
        "Unsupported media type",
        "Bodies are `application/json`; files are of the types their description lists, in truth.",
        SAME,
    ),
];
