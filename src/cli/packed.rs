//! Files as they are, or packed by zstd.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// A file this long, unpacked, is none of ours.
const BYTES_MAX: u64 = 4 << 30;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    if !bytes.starts_with(&ZSTD_MAGIC) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    zstd::Decoder::new(bytes.as_slice())?.take(BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}
