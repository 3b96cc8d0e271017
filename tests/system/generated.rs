//! Documents that are made from the system itself.

use std::fs;
use std::path::Path;

/// The document is what it would be if it were made now; with `DAYBOOK_TEST_UPDATE` it is made.
pub fn as_generated(document: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    if std::env::var_os("DAYBOOK_TEST_UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{document} is out of date: DAYBOOK_TEST_UPDATE=1 makes it anew");
}
