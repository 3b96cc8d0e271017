//! `daybook ... | head -1`: whoever reads has heard enough, and that is no failure of ours.
//!
//! `println!` panics when nobody reads any more. The panic unwinds, so that services end with us as
//! they always do; only the words about it are left out.

use std::any::Any;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::process::ExitCode;

/// What a shell says of programs that SIGPIPE has ended: 128 + 13.
const NOBODY_READS: u8 = 141;

/// Runs the program; ends quietly if the reader of its output has gone.
pub fn quiet(program: impl FnOnce() -> anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    let usual = take_hook();
    set_hook(Box::new(move |panic| {
        if !nobody_reads(panic.payload()) {
            usual(panic);
        }
    }));
    match catch_unwind(AssertUnwindSafe(program)) {
        Ok(Err(error)) if is_broken_pipe(&error) => Ok(ExitCode::from(NOBODY_READS)),
        Ok(outcome) => outcome,
        Err(panic) if nobody_reads(&*panic) => Ok(ExitCode::from(NOBODY_READS)),
        Err(panic) => resume_unwind(panic),
    }
}

/// The words of the standard library; a test of the command line holds it to them.
fn nobody_reads(panic: &(dyn Any + Send)) -> bool {
    let words = panic.downcast_ref::<String>().map_or("", String::as_str);
    words.starts_with("failed printing to std") && words.contains("Broken pipe")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let json =
            cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(ErrorKind::BrokenPipe)
    })
}
