//! Every problem code, what it means and whether to try again: the pages under `/problems/{code}`.

use std::borrow::Cow;

/// One kind of problem. `about` and `retry` are whole sentences for the page.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    pub code: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub retry: &'static str,
}

const SAME: &str = "Trying the same again gives the same answer: change the request.";
const LATER: &str =
    "Nothing was done. Try again after the seconds in Retry-After, with the same Idempotency-Key.";
const STATE: &str = "The same request is refused until the state changes. \
                     The refusal is stored for its Idempotency-Key for 24 h: ask again with a new key.";
const LOG_IN: &str = "Log in or refresh the token, then try again.";

const fn code(
    code: &'static str,
    title: &'static str,
    about: &'static str,
    retry: &'static str,
) -> Code {
    Code { code, title, about, retry }
}

/// In alphabetical order.
pub const CODES: &[Code] = &[
    code(
        "account-deactivated",
        "Account deactivated",
        "The account may do nothing until an operator activates it again.",
        STATE,
    ),
    code(
        "account-erased",
        "Account erased",
        "The person has been erased, and with them everything that was known of them.",
        SAME,
    ),
    code("account-exists", "Account exists", "An account with this id exists already.", SAME),
    code("account-unknown", "No such account", "No account has this id.", SAME),
    code("aggregate-unknown", "No such kind of stream", "No kind of stream has this name.", SAME),
    code(
        "bad-credentials",
        "Wrong e-mail or password",
        "No account has this e-mail and password. Which of them is wrong is not told.",
        SAME,
    ),
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
    code("book-exists", "Book exists", "A book with this id is in the catalogue already.", SAME),
    code("book-unknown", "No such book", "No book of the catalogue has this id.", SAME),
    code("book-withdrawn", "Book withdrawn", "The book has been taken from the catalogue.", SAME),
    code("busy", "Busy", "More commands are waiting than the log takes at the moment.", LATER),
    code("cart-empty", "Cart empty", "There is nothing in the cart to check out.", STATE),
    code("cart-full", "Cart full", "A cart has no room for another product.", STATE),
    code(
        "certificate-unknown",
        "No such certificate",
        "No certificate has this id: it was never given.",
        SAME,
    ),
    code(
        "comment-deleted",
        "Comment deleted",
        "The comment has been deleted; nothing about it changes any more.",
        SAME,
    ),
    code(
        "comment-exists",
        "Comment exists",
        "A comment with this id has been posted already.",
        SAME,
    ),
    code("comment-unknown", "No such comment", "No comment has this id, or it is deleted.", SAME),
    code(
        "copies-out",
        "Copies are out",
        "A book cannot have fewer copies than are lent; `out` tells how many are.",
        STATE,
    ),
    code(
        "course-archived",
        "Course archived",
        "The course has been archived; nothing about it changes any more.",
        SAME,
    ),
    code("course-exists", "Course exists", "A course with this id exists already.", SAME),
    code("course-full", "Course full", "Every seat of the course is taken.", STATE),
    code("course-not-open", "Course not open", "Only published courses take students.", STATE),
    code("course-published", "Course published", "The course has been published already.", SAME),
    code(
        "course-publishing",
        "Course being published",
        "A course does not change while it is being published; its workflow tells how far that is.",
        STATE,
    ),
    code("course-unknown", "No such course", "No course has this id.", SAME),
    code(
        "course-without-description",
        "No description",
        "A course is published only with a description.",
        STATE,
    ),
    code(
        "course-without-lesson",
        "No lesson",
        "A course is published only with at least one lesson that has text.",
        STATE,
    ),
    code("email-taken", "E-mail taken", "Another account has this e-mail address.", SAME),
    code(
        "erased",
        "Person erased",
        "The person this is about has been erased; nothing more is written about them.",
        SAME,
    ),
    code(
        "everyone-is-member",
        "Everyone is a member",
        "The role `member` comes with the account and cannot be taken away.",
        SAME,
    ),
    code(
        "export-running",
        "Export running",
        "The export asked for before is still being made.",
        STATE,
    ),
    code("export-too-soon", "Export too soon", "An export is begun at most once an hour.", LATER),
    code(
        "export-unknown",
        "No such export",
        "No export of yours has this id, or it has expired.",
        SAME,
    ),
    code("file-unknown", "No such file", "Nothing is attached that has this name or hash.", SAME),
    code(
        "files-unavailable",
        "Files unavailable",
        "The place where files are kept cannot be used at the moment.",
        LATER,
    ),
    code("follows-oneself", "Following oneself", "Nobody follows oneself.", SAME),
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
        "instance-not-parked",
        "Not parked",
        "Nothing stops this instance of the process, so there is nothing to try again.",
        STATE,
    ),
    code(
        "instance-unknown",
        "No such instance",
        "The process has never reacted to anything of this id.",
        SAME,
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
    code("isbn-taken", "ISBN taken", "Another book has this ISBN.", SAME),
    code("item-unknown", "No such item", "No book, course or product has this id.", SAME),
    code(
        "key-unknown",
        "No such key",
        "The account has no API key with this id, or has revoked it.",
        SAME,
    ),
    code(
        "keys-exhausted",
        "Too many keys",
        "An account has at most 20 API keys: revoke one first.",
        STATE,
    ),
    code(
        "last-operator",
        "Last operator",
        "The last operator can neither be demoted nor deactivated nor erased.",
        "Make somebody else an operator first.",
    ),
    code("lesson-exists", "Lesson exists", "The course has a lesson with this id already.", SAME),
    code("lesson-unknown", "No such lesson", "The course has no lesson with this id.", SAME),
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
    code(
        "mixed-currencies",
        "Several currencies",
        "All lines of an order are in the same currency.",
        SAME,
    ),
    code("no-copy-left", "No copy left", "Every copy of the book is out.", STATE),
    code("not-borrowed", "Not borrowed", "The reader has no copy of this book.", STATE),
    code("not-enrolled", "Not enrolled", "The student is not enrolled in this course.", STATE),
    code("not-found", "Not found", "There is nothing at this path.", SAME),
    code("not-in-cart", "Not in the cart", "The cart does not hold what is ordered.", STATE),
    code(
        "not-the-author",
        "Somebody else's comment",
        "Only the author of a comment edits it; only the author or an operator deletes it.",
        SAME,
    ),
    code(
        "not-the-customer",
        "Somebody else's order",
        "Only the customer of an order may do this.",
        SAME,
    ),
    code(
        "not-the-instructor",
        "Somebody else's course",
        "Only the instructor of a course changes it.",
        SAME,
    ),
    code(
        "nothing-reserved",
        "Nothing reserved",
        "Nothing of this product is reserved for this order.",
        STATE,
    ),
    code("nothing-to-withdraw", "Nothing to withdraw", "There is no rating to withdraw.", STATE),
    code("order-exists", "Order exists", "An order with this id has been placed already.", SAME),
    code(
        "order-numbers-exhausted",
        "No order number",
        "The numbers of this day are used up.",
        LATER,
    ),
    code(
        "order-status",
        "Wrong status",
        "The order is in a status that does not allow this; `detail` names it.",
        STATE,
    ),
    code("order-unknown", "No such order", "No order of yours has this id.", SAME),
    code(
        "outcome-unknown",
        "Outcome unknown",
        "The database went away while the command was being stored: it may have happened.",
        "Ask again with the same Idempotency-Key: the answer says what happened.",
    ),
    code(
        "parked-group-unknown",
        "No such group",
        "No event that this projection has parked belongs to the group.",
        SAME,
    ),
    code("parked-unknown", "No such parked event", "No event is parked under this id.", SAME),
    code(
        "password-reset-void",
        "Letter void",
        "The token is not one of ours, was used, is older than an hour, or a later letter, a new \
         password or a new address has taken its place.",
        "Ask for another letter.",
    ),
    code("position-unknown", "No such position", "The log has no event at this position.", SAME),
    code(
        "precondition-failed",
        "Version mismatch",
        "If-Match names another version than the current one, which `current` tells.",
        "Read the thing again, then decide.",
    ),
    code("process-unknown", "No such process", "No process has this name.", SAME),
    code("product-discontinued", "Product discontinued", "The product is not sold any more.", SAME),
    code(
        "product-exists",
        "Product exists",
        "A product with this id is in the catalogue already.",
        SAME,
    ),
    code("product-unknown", "No such product", "No product has this id.", SAME),
    code(
        "projection-behind",
        "Projection behind",
        "The read model has not yet seen the position of the Consistency-Token. \
         `lag_events` tells how far it is behind.",
        "Try again after the seconds in Retry-After, or without the token for an older answer.",
    ),
    code("projection-unknown", "No such projection", "No projection has this name.", SAME),
    code(
        "publication-not-under-way",
        "Not being published",
        "This publication of the course has ended.",
        SAME,
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
    code(
        "refresh-token-invalid",
        "Bad refresh token",
        "The refresh token is unknown, expired or revoked, or was used before: using one twice \
         ends the session.",
        "Log in again.",
    ),
    code("request-timeout", "Request too slow", "The body did not arrive in time.", "Try again."),
    code(
        "reserved-otherwise",
        "Reserved otherwise",
        "The order has reserved another quantity of this product.",
        SAME,
    ),
    code("role-not-held", "Role not held", "A key acts only in roles that its account has.", STATE),
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
    code("sku-taken", "SKU taken", "Another product has this SKU.", SAME),
    code(
        "stock-not-available",
        "Not in stock",
        "Less is available than asked for; `detail` tells how much.",
        STATE,
    ),
    code("stock-too-large", "Too much stock", "A stock holds no more than that.", SAME),
    code("stream-unknown", "No such stream", "Nothing has ever happened in this stream.", SAME),
    code("taken", "Taken", "Somebody else has what may exist only once.", SAME),
    code(
        "token-invalid",
        "Bad token",
        "The access token is not one of ours, has expired, or has been revoked.",
        LOG_IN,
    ),
    code("token-required", "Token required", "Only a logged-in account may do this.", LOG_IN),
    code("too-many-files", "Too many files", "It has no room for another file.", STATE),
    code("too-many-lessons", "Too many lessons", "A course has no room for another lesson.", STATE),
    code(
        "total-too-large",
        "Total too large",
        "What is in the cart costs more than an order can.",
        STATE,
    ),
    code("trace-unknown", "No such correlation", "No event has this correlation id.", SAME),
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
    code(
        "verification-unknown",
        "No such verification",
        "Nobody asked for one of this projection under this id, or it was long ago.",
        SAME,
    ),
    code("workflow-unknown", "No such workflow", "No workflow has this id.", SAME),
];

pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.code == code)
}

/// The title from the table, else the code in words.
pub(crate) fn title(code: &str) -> Cow<'static, str> {
    match find(code) {
        Some(known) => Cow::Borrowed(known.title),
        None => {
            let mut words = code.replace('-', " ");
            if let Some(first) = words.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            Cow::Owned(words)
        }
    }
}
