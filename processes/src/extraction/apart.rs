//! Reading in a program of its own: `daybook extract-text`.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use blobstore::Content as Bytes;
use domain::file::{MediaType, Size};
use futures::TryStreamExt;
use rlimit::Resource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::{TEXT_BYTES_MAX, Unreadable, markdown};
use crate::failure::Failure;

/// What the program may take, in memory and in time of a processor. The allocator sets aside more than
/// a quarter of the memory before it uses any.
const MEMORY_BYTES_MAX: u64 = 4 << 30;
const PROCESSOR_SECONDS_MAX: u64 = 30;
/// A busy machine may give it its time late.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// Of pages in pages in pages.
const STACK_BYTES: usize = 64 << 20;
/// What it may say of why it cannot.
const REASON_BYTES_MAX: u64 = 1_000;
/// How it ends when it has said why it cannot.
const REFUSED: i32 = 1;

/// What the program does: reads a file from `content` and writes its Markdown.
pub fn read_apart(
    media_type: MediaType,
    mut content: impl Read,
    mut text: impl Write,
) -> Result<(), Unreadable> {
    for (resource, limit) in
        [(Resource::DATA, MEMORY_BYTES_MAX), (Resource::CPU, PROCESSOR_SECONDS_MAX)]
    {
        resource.set(limit, limit).map_err(broken)?;
    }
    // What is wrong is told in one line, by whoever called.
    std::panic::set_hook(Box::new(|_| {}));
    let mut bytes = Vec::new();
    content.by_ref().take(Size::BYTES_MAX).read_to_end(&mut bytes).map_err(broken)?;
    let reading = std::thread::Builder::new().stack_size(STACK_BYTES);
    let reading = reading.spawn(move || markdown(media_type, bytes)).map_err(broken)?;
    let markdown = reading.join().map_err(|_| Unreadable::TooMuch)??;
    text.write_all(markdown.as_bytes()).map_err(broken)
}

fn broken(error: std::io::Error) -> Unreadable {
    Unreadable::Broken(error.to_string())
}

/// Has it read by the program.
pub(super) async fn read_by(
    program: &Path,
    media_type: MediaType,
    content: Bytes,
) -> Result<String, Failure> {
    let mut child = Command::new(program)
        .args(["extract-text", media_type.name()])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Failure::passing)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(Failure::passing("a program without pipes"));
    };
    let (mut text, mut reason) = (Vec::new(), Vec::new());
    let (mut stdout, mut stderr) =
        (stdout.take(TEXT_BYTES_MAX as u64), stderr.take(REASON_BYTES_MAX));
    let work = async {
        let (fed, ..) = tokio::try_join!(
            async { Ok(feed(content, stdin).await) },
            stdout.read_to_end(&mut text),
            stderr.read_to_end(&mut reason),
        )?;
        Ok::<_, std::io::Error>((fed, child.wait().await?))
    };
    let Ok(ended) = timeout(WAIT_MAX, work).await else {
        return Err(Failure::lasting(Unreadable::TooMuch));
    };
    let (fed, status) = ended.map_err(Failure::passing)?;
    fed?;
    if status.success() {
        return String::from_utf8(text).map_err(Failure::lasting);
    }
    let said = String::from_utf8_lossy(&reason);
    let said = said.lines().find_map(|line| line.strip_prefix("daybook: "));
    match said.filter(|_| status.code() == Some(REFUSED)) {
        Some(reason) => Err(Failure::lasting(reason)),
        None => Err(Failure::lasting(Unreadable::TooMuch)),
    }
}

/// A reader that has read enough closes its end: only what the store says of it is a failure.
async fn feed(
    mut content: Bytes,
    mut stdin: impl tokio::io::AsyncWrite + Unpin,
) -> Result<(), Failure> {
    while let Some(bytes) = content.try_next().await? {
        if stdin.write_all(&bytes).await.is_err() {
            break;
        }
    }
    Ok(())
}
